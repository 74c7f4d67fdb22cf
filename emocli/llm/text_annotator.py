"""A language model as a rater: it answers a question about words, and a voice in words.

The questions are those of `emocli.llm.personas`. Our choices: plain sampling from the whole
vocabulary at the rater's temperature, 16 tokens at most, the system prompt; as for audio models.
"""

from __future__ import annotations

import time

from emocli.errors import RecordError
from emocli.llm import prompts
from emocli.llm.language_model import LanguageModel
from emocli.llm.one_answer import MAX_ANSWER_TOKENS, Answer, sampled

SYSTEM = "You read closely and answer in one word."


def messages(prompt: str) -> list[dict[str, str]]:
    """Return the conversation of a question."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]


def answer(model: LanguageModel, prompt: str, temperature: float, seed: int) -> Answer:
    """Return the answer to a question; the same seed gives the same answer on the same machine.

    Raises RecordError prompt_too_long where the model reads less.
    """
    import torch

    started = time.perf_counter()
    ids = prompts.tokens(model, messages(prompt))
    if len(ids) + MAX_ANSWER_TOKENS > model.limit:
        size = len(ids) + MAX_ANSWER_TOKENS
        message = f"the question and its answer have {size} tokens, the model reads {model.limit}"
        raise RecordError("prompt_too_long", message, hint="a model with a longer context")
    inputs = torch.tensor([ids], device=model.device)
    made = sampled(
        model.network,
        {"input_ids": inputs, "attention_mask": torch.ones_like(inputs)},
        temperature,
        seed,
        pad_token_id=model.padding,
    )
    said = made[0, len(ids) :].tolist()
    return Answer(model.text(said), time.perf_counter() - started, len(ids), len(said))
