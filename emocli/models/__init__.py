"""Models: one file, one paper each; `forward` returns logits.

A model is a frozen config and a module with
    fuse(streams, masks) -> (batch, fused)
    classify(fused (batch, fused)) -> logits (batch, classes), or (batch, numbers) of a regression
Streams are {name: (batch, dim)}, masks {name: (batch,) bool}, True where a stream is present. A
model whose class sets `takes_time` also reads streams (batch, time, dim) with masks (batch, time).
Masked values must not change the output, whatever they are.

Beyond that a model may have
    unimodal(streams[, masks]) -> {stream: log-probabilities}   the prediction of each stream
    gates(streams, masks) -> {name: (batch, n)}   weights adding to one; "modalities": per stream
    objective(streams, masks, targets, task_loss, all_gather) -> {term: weighted loss}
    after_epoch(streams, masks, targets) -> {figure: number}   on dev records, for the log
    progress   a float that the training loop sets, from 0 to 1
    averages   true if only the mean over time of a sequence matters: it is then computed once
and a class that sets `masks_itself` drops streams at random in its objective; the objective of one
that sets `knows_speakers` takes `speakers=` too: a number per record of the whole batch, negative
where nobody knows, or None.

When several processes train a model, each has a part of the batch: streams (part, ...), but the
targets of the whole batch. `all_gather` turns a tensor of the part, (part, ...), into that of the
batch, (batch, ...), differentiably; an objective computes its terms from the result. In a single
process it is the identity. Randomness in an objective is dropout over tensors with rows first, or
is drawn from the whole batch.
"""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emocli.errors import ConfigError
from emocli.models import _settings

LARGEST_MODEL = 1 << 30  # numbers: 4 GiB of float32, and 16 GiB while AdamW trains it


def names() -> list[str]:
    """Return the models: the names of the files."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(p.stem.replace("_", "-") for p in files if not p.stem.startswith("_"))


def takes_time(name: str) -> bool:
    """Say whether a model reads streams with a time axis; others read one vector per record."""
    return bool(getattr(_parts(name)[0], "takes_time", False))


def fields(name: str) -> set[str]:
    """Return the names of a model's settings."""
    return {field.name for field in dataclasses.fields(_parts(name)[1])}


def defaults(name: str) -> dict[str, Any]:
    """Return the default values of a model's settings."""
    return {field.name: field.default for field in dataclasses.fields(_parts(name)[1])}


def build(name: str, config: Mapping[str, Any], limit: int = LARGEST_MODEL) -> Any:
    """Return a model built from settings; ConfigError for unknown, mistyped or impossible ones.

    `limit` is the most numbers that it may have: they are not allocated if there are more.
    """
    model, settings = _parts(name)
    check(name, config)
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
    try:
        configured = settings(**values)
    except TypeError as error:
        raise ConfigError(f"config of model {name}: {error}") from None
    from emocli.models._budget import Budget

    with Budget(limit, f"smaller sizes in the config of {name}"):
        return model(configured)


def check(name: str, config: Mapping[str, Any], where: str = "") -> None:
    """Raise ConfigError for a setting that is unknown, of another type or out of range.

    Settings may be missing. `where` is put before their names in messages.
    """
    settings = _parts(name)[1]
    kinds = typing.get_type_hints(settings)
    for key in config:
        if key not in kinds:
            hint = f"one of {', '.join(kinds)}"
            raise ConfigError(f"{where}unknown setting {key} of model {name}", hint=hint)
    where = where or f"model {name}: "
    for key, value in config.items():
        if found := _settings.fault(key, value, kinds[key], _settings.bounds(key, kinds[key])):
            raise ConfigError(f"{where}{found}")
    given = {k: v for k, v in defaults(name).items() if v is not dataclasses.MISSING} | dict(config)
    for key in config:
        if found := _settings.conflict(key, given):
            raise ConfigError(f"{where}{found}")


def _parts(name: str) -> tuple[Any, Any]:
    """Return the class of a model and that of its config."""
    if name not in names():
        raise ConfigError(f"unknown model {name!r}", hint=f"one of {', '.join(names())}")
    module = importlib.import_module(f"emocli.models.{name.replace('-', '_')}")
    stem = "".join(part.capitalize() for part in name.split("-"))
    return getattr(module, stem), getattr(module, f"{stem}Config")
