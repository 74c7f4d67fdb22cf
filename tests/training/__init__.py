"""tests/training."""
