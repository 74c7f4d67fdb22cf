"""Frozen pretrained networks: arrays to features, one family per file."""
