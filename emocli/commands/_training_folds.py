"""Leave groups out: every record predicted by a model that never saw its group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from emocli import training
from emocli.commands import _streams
from emocli.commands._training import Examples, Plan, fitted, split, tensors
from emocli.errors import UsageError

Record = dict[str, Any]


def folds(groups: list[str], count: int) -> list[int]:
    """Return the fold of each record: whole groups, dealt out in the order of their hashes."""
    names = sorted(set(groups), key=lambda group: hashlib.blake2b(group.encode()).digest())
    if len(names) < 3:
        hint = "there have to be three: to train, to stop and to test"
        raise UsageError(f"--cv: only {len(names)} groups ({', '.join(names)})", hint=hint)
    place = {group: number % min(count, len(names)) for number, group in enumerate(names)}
    return [place[group] for group in groups]


def out_of_fold(plan: Plan, examples: Examples, count: int) -> Iterator[Record]:
    """Yield every record with the prediction of a model without its group, in order.

    Each model stops early, and gets its temperature, on a fifth of the groups that it may see.
    """
    data = tensors(examples, plan.names)
    numbers = folds(examples.groups, count)
    answers = np.zeros((len(examples), len(plan.names)))
    for fold in sorted(set(numbers)):
        rows = torch.tensor([number == fold for number in numbers])
        others = [
            group for group, number in zip(examples.groups, numbers, strict=True) if number != fold
        ]
        model, _, dev = fitted(plan, *split(data.rows((~rows).nonzero()[:, 0]), others))
        values = training.logits(model, dev).double().numpy()
        temperature = training.temperature(values, dev.targets.numpy())
        held = training.logits(model, data.rows(rows.nonzero()[:, 0])).double() / temperature
        answers[rows.numpy()] = held.log_softmax(dim=1).numpy()
    for record, number, answer in zip(examples.records, numbers, answers, strict=True):
        said = _streams.prediction(answer, plan.names)
        yield record | {"fold": number + 1, "prediction": said | {"calibrated": True}}
