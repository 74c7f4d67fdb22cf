"""tests/io."""
