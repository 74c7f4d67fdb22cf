"""Subcommands: one file, one command."""
