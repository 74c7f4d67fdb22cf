"""Greedy answers: the likeliest token, one after another, up to an end or a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from emocli.llm.language_model import LanguageModel


class Completion(NamedTuple):
    """What a model answered, and whether it came to an end before the limit."""

    text: str
    ended: bool
    tokens: int


def greedy(
    model: LanguageModel, prompts: Sequence[Sequence[int]], limit: int, stop: str = ""
) -> list[Completion]:
    """Return the completion of each prompt, at most `limit` tokens, up to and with the text `stop`.

    Prompts are padded on the left, and masked there.
    """
    import torch

    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), model.padding)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
    mask = torch.arange(width)[None] >= width - torch.tensor(list(map(len, prompts)))[:, None]
    stops = {"stop_strings": [stop], "tokenizer": model.tokenizer} if stop else {}
    with torch.inference_mode():
        made = model.network.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.long().to(model.device),
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            max_new_tokens=limit,
            pad_token_id=model.padding,
            **stops,
        )
    return [_completion(model, row, stop) for row in made[:, width:].tolist()]


def _completion(model: LanguageModel, ids: list[int], stop: str) -> Completion:
    end = next((i for i, token in enumerate(ids) if token in model.ends), None)
    text = model.text(ids[:end])
    stopped = bool(stop) and stop in text
    if stopped:  # a batch goes on until its last row is done
        text = text[: text.index(stop) + len(stop)]
        end = len(model.tokens(text))
    return Completion(text, end is not None, len(ids) if end is None else end)
