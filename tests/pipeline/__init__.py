"""tests/pipeline."""
