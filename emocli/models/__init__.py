"""Models: one file, one paper each; `forward` returns logits.

A model is a frozen config and a module with
    fuse(streams, masks) -> (batch, fused)
    classify(fused (batch, fused)) -> logits (batch, classes), or (batch, numbers) of a regression
Streams are {name: (batch, dim)}, masks {name: (batch,) bool}, True where a stream is there. A model
whose class says `takes_time` also reads streams (batch, time, dim) with masks (batch, time).
What is masked must not change the output, whatever its numbers are.

Beyond that a model may have
    unimodal(streams[, masks]) -> {stream: log-probabilities}   what each stream says alone
    gates(streams, masks) -> {name: (batch, n)}   weights adding to one; "modalities": per stream
    objective(streams, masks, targets, task_loss, all_gather) -> {term: weighted loss}   its own
    after_epoch(streams, masks, targets) -> {figure: number}   on dev records, for the log
    progress   a float that the loop sets, from 0 to 1
    averages   true where of a sequence only the mean over time matters: it is then made once
and a class that says `masks_itself` leaves streams out at random in its objective.

Of several processes that train a model each has its part of a batch: streams (part, ...), but the
targets of all its records. `all_gather` takes what was made of the part, (part, ...), to what all
parts make, (batch, ...), differentiably; an objective computes its terms from that. It is the
identity in a single process. What is random in an objective is dropout, rows first, or drawn from
whole rows.
"""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

from emocli.errors import ConfigError

# Kinds of a config's fields that are checked: what a person writes into a file.
KINDS: dict[Any, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool}


def names() -> list[str]:
    """Return the models: the names of the files."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(p.stem.replace("_", "-") for p in files if not p.stem.startswith("_"))


def takes_time(name: str) -> bool:
    """Say whether a model reads streams with a time axis; the others want one vector a record."""
    return bool(getattr(_parts(name)[0], "takes_time", False))


def fields(name: str) -> set[str]:
    """Return what a model's config has."""
    return {field.name for field in dataclasses.fields(_parts(name)[1])}


def defaults(name: str) -> dict[str, Any]:
    """Return the values that a model's config has where nobody says otherwise."""
    return {field.name: field.default for field in dataclasses.fields(_parts(name)[1])}


def build(name: str, config: dict[str, Any]) -> Any:
    """Return a model, its config a dict of the fields of its config class."""
    model, settings = _parts(name)
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
    kinds = {field.name: field.type for field in dataclasses.fields(settings)}
    for key, value in values.items():
        if key not in kinds:
            raise ConfigError(f"model {name} has no {key}", hint=f"there are {', '.join(kinds)}")
        if not isinstance(value, KINDS.get(kinds[key], object)):
            raise ConfigError(f"model {name}: {key} = {value!r}: not of the kind {kinds[key]}")
    try:
        chosen = settings(**values)
    except TypeError as error:
        raise ConfigError(f"config of model {name}: {error}") from None
    return model(chosen)


def _parts(name: str) -> tuple[Any, Any]:
    """Return the class of a model and that of its config."""
    if name not in names():
        raise ConfigError(f"no model {name!r}", hint=f"there are {', '.join(names())}")
    module = importlib.import_module(f"emocli.models.{name.replace('-', '_')}")
    stem = "".join(part.capitalize() for part in name.split("-"))
    return getattr(module, stem), getattr(module, f"{stem}Config")
