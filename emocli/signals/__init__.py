"""Signals: files and arrays to arrays; nothing about records."""
