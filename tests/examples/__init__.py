"""tests/examples."""
