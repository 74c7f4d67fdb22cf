"""tests/hub."""
