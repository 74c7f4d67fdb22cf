"""emocli/cli."""
