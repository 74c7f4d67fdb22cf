"""Models: one file, one paper each; `forward` returns logits."""
