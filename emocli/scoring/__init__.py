"""emocli/scoring."""
