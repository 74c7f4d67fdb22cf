"""Supervised fine-tuning: the answer's tokens are learned, those of the question are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from emocli.training import distributed
from emocli.training.language.settings import Settings
from emocli.training.language.soft import Rows


class Supervised:
    """Cross-entropy in nats, the mean over all tokens of the answers of a batch."""

    def __init__(
        self,
        model: LanguageModel,
        examples: Sequence[Example],
        weights: Any,
        settings: Settings,
        soft: Rows | None = None,
    ) -> None:
        self.model, self.examples, self.settings = model, examples, settings
        self.soft = soft
        self.weights = torch.as_tensor(weights, dtype=torch.float32)
        self.tokens = 0  # learned, in the last batch

    def __call__(self, indices: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield the loss of each part of a batch: of this process, divided by all tokens."""
        self.tokens = sum(len(self.examples[i].completion) for i in indices.tolist())
        rank, count = distributed.world()
        mine = sorted(indices[rank::count].tolist(), key=lambda i: len(self.examples[i].prompt))
        size = self.settings.part_size
        most = -(-len(indices) // count)  # records of a process
        for part in (mine[i : i + size] for i in range(0, most, size)):
            if not part:  # other processes have some, and all call the network equally often
                beside = self.soft.beside([0]) if self.soft else {}
                yield {
                    "answers": tuning.nothing(self.model),
                    **{n: 0 * v for n, v in beside.items()},
                }
                continue
            chosen = [self.examples[i] for i in part]
            soft = self.soft(part) if self.soft else None
            rows = tuning.batch(self.model, chosen, share=self.settings.shares, soft=soft)
            logs = tuning.log_probabilities(self.model, rows).sum(1)
            weights = self.weights[part].to(logs.device)
            beside = self.soft.beside(part) if self.soft else {}
            share = len(part) / len(indices)  # of the batch
            terms = {name: share * value for name, value in beside.items()}
            yield {"answers": -(logs * weights).sum() / self.tokens, **terms}

    def told(self) -> dict[str, float]:
        """Return the number of tokens that the last batch learned."""
        return {"tokens": self.tokens}


def loss(
    model: LanguageModel, examples: Sequence[Example], size: int, soft: Rows | None = None
) -> float:
    """Return the mean cross-entropy of the answers' tokens, without gradients."""
    total = count = 0.0
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].prompt))
    with torch.inference_mode():
        for start in range(0, len(order), size):
            numbers = order[start : start + size]
            part = [examples[i] for i in numbers]
            rows = tuning.batch(model, part, soft=soft(numbers) if soft else None)
            logs = tuning.log_probabilities(model, rows)
            total -= float(logs.double().sum())
            count += sum(len(example.completion) for example in part)
    return total / max(count, 1.0)
