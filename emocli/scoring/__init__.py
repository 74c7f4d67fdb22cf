"""What `emocli score` computes: records in, rows of metrics out."""
