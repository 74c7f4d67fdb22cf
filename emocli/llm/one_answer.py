"""The answer of a rater that is a language model: drawn by a seed of its own, and short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_ANSWER_TOKENS = 16  # a label is one word, of about three tokens


@dataclass(frozen=True)
class Answer:
    """The answer of the model, and its cost."""

    raw: str
    seconds: float
    prompt_tokens: int  # including those of the recording
    answer_tokens: int


def sampled(network: Any, inputs: Any, temperature: float, seed: int, **more: Any) -> Any:
    """Return the tokens (1, time) that a network continues with, drawn by a seed of their own.

    The random generators of the process are left as they were.
    """
    import torch

    devices = [network.device] if network.device.type == "cuda" else []
    with torch.inference_mode(), torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        return network.generate(
            **inputs,
            do_sample=True,
            temperature=temperature,
            top_k=0,
            top_p=1.0,
            max_new_tokens=MAX_ANSWER_TOKENS,
            **more,
        )
