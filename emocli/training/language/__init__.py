"""Train language models with adapters: prompts and answers of labelled records, in one loop."""
