"""emocli/stages/annotate."""
