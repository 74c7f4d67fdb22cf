"""emocli/training."""
