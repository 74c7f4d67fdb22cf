"""Language models and what stands in for them: prompts, answers, annotators. No records here."""
