"""Models: one file, one paper each; `forward` returns logits.

A model is a frozen config and a module with
    fuse(streams {name: (batch, dim)}, masks {name: (batch,) bool}) -> (batch, fused)
    classify(fused (batch, fused)) -> logits (batch, classes)
A masked stream must not change the output, whatever its numbers are.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from emocli.errors import ConfigError


def names() -> list[str]:
    """Return the models: the names of the files."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(p.stem.replace("_", "-") for p in files if not p.stem.startswith("_"))


def build(name: str, config: dict[str, Any]) -> Any:
    """Return a model, its config a dict of the fields of its config class."""
    if name not in names():
        raise ConfigError(f"no model {name!r}", hint=f"there are {', '.join(names())}")
    module = importlib.import_module(f"emocli.models.{name.replace('-', '_')}")
    stem = "".join(part.capitalize() for part in name.split("-"))
    try:
        settings = getattr(module, f"{stem}Config")(**config)
    except TypeError as error:
        raise ConfigError(f"config of model {name}: {error}") from None
    return getattr(module, stem)(settings)
