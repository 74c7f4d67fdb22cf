"""Convert networks of face-api from the format of TensorFlow.js to safetensors.

V. Mandic and V. Mühler, face-api 1.7.15, MIT, https://github.com/vladmandic/face-api. A manifest
(JSON) lists name, shape and quantisation of each tensor in the order of the bytes in the weights:
uint8 with a scale and a minimum, or float32, little-endian. Values are value * scale + minimum, in
double precision and then rounded, as TensorFlow.js does. Filters come as (height, width, in, out)
and are turned round for torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emocli.encoders import weight_files
from emocli.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, MANIFEST = "weights.bin", "weights_manifest.json"
DETECTOR, EXPRESSION = "face-api-detector", "face-api-expression"
# A tensor that only this network has.
KINDS = {"conv8.filters": DETECTOR, "fc.weights": EXPRESSION}
# From axes of TensorFlow.js to those of torch, by the last part of a tensor's name.
AXES = {
    "filters": (3, 2, 0, 1),  # (out, in, height, width)
    "pointwise_filter": (3, 2, 0, 1),
    "depthwise_filter": (2, 3, 0, 1),  # (channels, 1, height, width)
    "weights": (1, 0),  # (out, in)
    "bias": (0,),
}


Shape = tuple[int, ...]


def separable(name: str, channels: int, out: int) -> dict[str, Shape]:
    """Return the shapes of a depthwise filter of 3 x 3, a pointwise one and their bias."""
    depthwise, pointwise = (channels, 1, 3, 3), (out, channels, 1, 1)
    stems = ("depthwise_filter", "pointwise_filter", "bias")
    return dict(zip((f"{name}.{s}" for s in stems), (depthwise, pointwise, (out,)), strict=True))


def plain(name: str, channels: int, out: int, size: int) -> dict[str, Shape]:
    """Return the shapes of a filter of size x size and its bias."""
    return {f"{name}.filters": (out, channels, size, size), f"{name}.bias": (out,)}


def read(folder: Path, kind: str, shapes: Mapping[str, Shape], device: str) -> dict[str, Tensor]:
    """Return the tensors of a converted network, filters with the channels last in memory.

    Raises ConfigError if it is another network or is damaged.
    """
    import torch

    config = weight_files.json_object(folder / "config.json")
    if config.get("model_type") != kind:
        raise ConfigError(f"{folder} is not {kind}: model_type {config.get('model_type')!r:.60}")
    found = weight_files.tensors(folder, f"a model of {kind}")
    tensors = weight_files.read(found, shapes)
    for name, tensor in tensors.items():
        order = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
        tensors[name] = tensor.float().to(device, memory_format=order)
    return tensors


def convert(source: Path, target: Path) -> None:
    """Write `weights.bin` and `weights_manifest.json` in `source` as safetensors in `target`.

    Raises ModelError if they are damaged or neither of the two networks.
    """
    try:
        manifest = json.loads((source / MANIFEST).read_bytes())
        entries = [entry for group in manifest for entry in group["weights"]]
        tensors = dict(_tensors(entries, (source / WEIGHTS).read_bytes()))
    except (OSError, *weight_files.UNUSABLE) as problem:
        raise ModelError(f"not weights of face-api: {problem}") from problem
    kinds = [kind for name, kind in KINDS.items() if name in tensors]
    if len(kinds) != 1:
        raise ModelError("not weights of face-api: neither detector nor expression net")
    weight_files.write(target, {"model_type": kinds[0]}, tensors)


def _tensors(entries: list[dict[str, Any]], data: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    start = 0
    for entry in entries:
        shape = [int(size) for size in entry["shape"]]
        quantised = entry.get("quantization")
        dtype = np.dtype(quantised["dtype"] if quantised else "<f4")
        if dtype not in (np.uint8, np.float32) or min(shape, default=1) < 1:
            raise ValueError(f"{entry['name']} has type {dtype} and shape {shape}")
        values = np.frombuffer(data, dtype, math.prod(shape), start)
        start += values.nbytes
        if quantised:
            values = values * float(quantised["scale"]) + float(quantised["min"])
        axes = AXES[entry["name"].rpartition("/")[2]]
        with np.errstate(over="ignore"):
            values = values.reshape(shape).transpose(axes).astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{entry['name']} is not finite")
        yield entry["name"].replace("/", "."), np.ascontiguousarray(values)
    if start != len(data):
        raise ValueError(f"{len(data)} bytes, of which the manifest explains {start}")
