"""Load a head with its network, and bring what it says to numbers that fusions can take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emocli.encoders import Encoded, Settings, pretrained
from emocli.encoders.classifiers import CLASSES, NUMBERS, About
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError

LEAST = 1e-12  # of a mean of probabilities: log-odds stay finite (our choice)


def network(found: About, auto: str, settings: Settings) -> Any:
    """Return the network with its head, as one of transformers' Auto classes loads it.

    Raises ConfigError where a part of it is not in the weights, or where they hold parts of another
    one; and if transformers does not have the architecture itself.
    """
    load = getattr(imported(), auto).from_pretrained
    model = pretrained.network(load, found.folder, found.what, head=True, trust_remote_code=False)
    if type(model).__name__ != found.architecture:
        message = f"{found.folder}: transformers has no {found.architecture}"
        hint = f"config.json names it; {type(model).__name__} may compute something else"
        raise ConfigError(message, hint=hint)
    if model.config.num_labels != len(found.names):
        message = f"{found.folder}: {model.config.num_labels} outputs, {len(found.names)} labels"
        raise ConfigError(message)
    return model.to(settings.device, getattr(torch, settings.dtype)).eval()


def answers(logits: Tensor, problem: str) -> Tensor:
    """Return logits (batch, columns) as float32 on the CPU; of classes their log-probabilities."""
    values = logits.float().cpu()
    return values.log_softmax(-1) if problem == CLASSES else values


def together(parts: Tensor, problem: str) -> Encoded:
    """Return the answer about an input from those about its parts (parts, columns).

    Numbers are averaged, and probabilities where there are some, so that one part that is sure
    cannot overrule all others (our choice). Raises RecordError where one is not finite.
    """
    if not torch.isfinite(parts).all():
        raise RecordError("not_finite", "the classifier answers NaN or infinity")
    if len(parts) == 1 or problem == NUMBERS:
        return Encoded(np.array(parts.mean(0).numpy()))
    if problem == CLASSES:
        logs = parts.double().logsumexp(0) - np.log(len(parts))
        return Encoded(logs.float().numpy())
    means = parts.double().sigmoid().mean(0).clamp(LEAST, 1 - LEAST)
    return Encoded(means.logit().float().numpy())


def by_length(lengths: Sequence[int], budget: int, *, alike: bool) -> Iterator[list[int]]:
    """Yield the places of inputs, the shortest first, as many as `budget` has room for in all.

    `alike` keeps inputs of other lengths apart.
    """
    some: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda at: (lengths[at], at)):
        other = alike and some and lengths[some[0]] != lengths[place]
        if some and (other or (len(some) + 1) * lengths[place] > budget):
            yield some
            some = []
        some.append(place)
    if some:
        yield some


def gathered(
    count: int, batches: Iterable[list[int]], run: Callable[[list[int]], Tensor]
) -> list[Tensor]:
    """Return what `run` says (batch, columns) of batches of places, by place."""
    found: list[Any] = [None] * count
    for places in batches:
        for place, row in zip(places, run(places), strict=True):
            found[place] = row
    return found
