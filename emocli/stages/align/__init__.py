"""emocli/stages/align."""
