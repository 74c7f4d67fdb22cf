"""emocli/io."""
