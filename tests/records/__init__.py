"""tests/records."""
