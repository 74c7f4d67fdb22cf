"""tests/bundles."""
