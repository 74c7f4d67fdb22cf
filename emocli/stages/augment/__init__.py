"""emocli/stages/augment."""
