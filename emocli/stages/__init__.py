"""emocli/stages."""
