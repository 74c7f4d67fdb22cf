"""Frozen encoders: arrays or texts to features, one family per file.

A family is a file that defines
    MODALITY             the modality it encodes
    reads(config)        whether it is the family of a model with this config.json
    encoder(folder, settings) -> Encoder
and of video, where it is so,
    FACES = True         that it takes the crops of a face instead of whole frames
    sampled(folder, pooling)  which frames of a film it takes by default, as `sampled` of a stream
and, where it is so,
    UNEQUAL_LAYERS = True  that its layers differ in width, so that they have no mean
A family that measures instead of computing with weights has, in place of `reads`,
    PLAIN                the default settings of its streams: layer, pooling
    revision()           what is measured, and with which software
and its file name is the name of the encoder (prosody.py is `--encoder prosody`).
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from emocli.encoders import weight_files
from emocli.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_MODALITY = re.compile(r'^MODALITY = "([a-z-]+)"$', re.MULTILINE)
_MEASURED = re.compile(r"^def revision\(\)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The layers and the pooling of an encoder, its device, dtype and adapter; bands in Hz."""

    layer: int | Sequence[int] | None
    pooling: str
    device: str = "cpu"
    dtype: str = "float32"
    adapter: Mapping[str, Tensor] | None = None
    bands: Mapping[str, tuple[float, float]] | None = None


class Encoded(NamedTuple):
    """The features of one input, (dim,) or (time, dim), and a warning or ""."""

    values: NDArray[np.float32]
    warning: str = ""


Encoder = Callable[[Sequence[Any]], list[Encoded]]  # a batch of inputs


@functools.cache
def _sources() -> dict[str, str]:
    """Return the source code of every family by its name, without importing it."""
    sources = {}
    for module in iter_modules(__path__):
        if module.ispkg:
            continue
        path = Path(module.module_finder.path, f"{module.name}.py")  # type: ignore[union-attr]
        text = path.read_text(encoding="utf-8")
        if _MODALITY.search(text):
            sources[module.name.replace("_", "-")] = text
    return sources


def families(modality: str | None = None) -> list[str]:
    """Return the names of all families, or of the families of a modality."""
    kinds = {name: _MODALITY.findall(text)[0] for name, text in _sources().items()}
    return [name for name, kind in kinds.items() if modality in (None, kind)]


def is_measured(name: str, modality: str) -> bool:
    """Return whether this name is a family that measures, without weights."""
    return name in families(modality) and bool(_MEASURED.search(_sources()[name]))


def load(family: str) -> ModuleType:
    """Return the module of a family."""
    return importlib.import_module(f"{__name__}.{family.replace('-', '_')}")


def of_folder(folder: Path, modality: str, pooling: str = "") -> ModuleType:
    """Return the family of the model in a folder; ConfigError if no encoder reads it.

    With the pooling `logits` it is a kind of `classifiers`, which reads the head of a checkpoint.
    """
    if pooling == "logits":
        from emocli.encoders import classifiers

        return classifiers.of(folder, modality)
    if not weight_files.is_there(folder / "config.json"):
        raise ConfigError(f"{folder} is not a transformers model: no config.json")
    config = weight_files.json_object(folder / "config.json")
    weighted = [name for name in families(modality) if not is_measured(name, modality)]
    for family in map(load, weighted):
        if family.reads(config):
            return family
    kind = config.get("model_type")
    hint = f"encoders of {modality}: {', '.join(families(modality))}"
    raise ConfigError(f"{folder} is not an encoder of {modality}: model_type {kind!r}", hint=hint)


def made(
    family: ModuleType, folder: Path, settings: Settings, weights: Sequence[float] | None
) -> Encoder:
    """Return the encoder of a family; with weights, of the weighted mean of its layers."""
    if not weights:
        encoder: Encoder = family.encoder(folder, settings)
        return encoder
    if getattr(family, "UNEQUAL_LAYERS", False):
        name = family.__name__.rpartition(".")[2].replace("_", "-")
        raise ConfigError(
            f"the layers of {name} differ in width: they have no mean", hint="one layer"
        )
    layers = settings.layer if isinstance(settings.layer, Sequence) else [settings.layer]
    if len(layers) != len(weights):
        raise ConfigError(f"layer_weights: {len(weights)} for {len(layers)} layers")
    from emocli.encoders import pooling

    frames = dataclasses.replace(settings, pooling="frames")
    return pooling.weighted(family.encoder(folder, frames), weights, settings.pooling)
