"""emocli/bundles."""
