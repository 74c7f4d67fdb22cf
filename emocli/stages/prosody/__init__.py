"""emocli/stages/prosody."""
