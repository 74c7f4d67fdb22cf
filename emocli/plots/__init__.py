"""emocli/plots."""
