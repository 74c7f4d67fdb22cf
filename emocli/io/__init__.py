"""Input and output: sources of records, tables, features, the store, output files."""
