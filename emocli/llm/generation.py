"""Greedy answers: the likeliest token, one after another, up to an end or a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from emocli.llm import soft_tokens
from emocli.llm.language_model import LanguageModel
from emocli.llm.soft_tokens import Soft


class Completion(NamedTuple):
    """What a model answered, and whether it came to an end before the limit."""

    text: str
    ended: bool
    tokens: int


def greedy(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    limit: int,
    stop: str = "",
    soft: Soft | None = None,
) -> list[Completion]:
    """Return the completion of each prompt, at most `limit` tokens, up to and with the text `stop`.

    Prompts are padded on the left, and masked there; `soft` are their soft tokens.
    """
    import torch

    prompts = soft_tokens.placed(prompts, soft)
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), model.padding)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
    mask = torch.arange(width)[None] >= width - torch.tensor(list(map(len, prompts)))[:, None]
    stops = {"stop_strings": [stop], "tokenizer": model.tokenizer} if stop else {}
    with torch.inference_mode():
        made = model.network.generate(
            **soft_tokens.inputs(model.network, ids.to(model.device), soft),
            attention_mask=mask.long().to(model.device),
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            max_new_tokens=limit,
            pad_token_id=model.padding,
            **stops,
        )
    if soft is None:  # else the prompts are not given back
        made = made[:, width:]
    return [_completion(model, row, stop) for row in made.tolist()]


def _completion(model: LanguageModel, ids: list[int], stop: str) -> Completion:
    end = next((i for i, token in enumerate(ids) if token in model.ends), None)
    text = model.text(ids[:end])
    stopped = bool(stop) and stop in text
    if stopped:  # a batch goes on until its last row is done
        text = text[: text.index(stop) + len(stop)]
        end = len(model.tokens(text))
    return Completion(text, end is not None, len(ids) if end is None else end)
