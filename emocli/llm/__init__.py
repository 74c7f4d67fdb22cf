"""Language models as raters, and their stand-in: prompts, answers, annotators. No records."""
