"""Encode frames with MobileNetV2 as torchvision trained it on ImageNet: 1280 numbers for each.

M. Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks,
https://arxiv.org/abs/1801.04381, figure 3 and table 2. The input is what its weights were measured
with: the shorter side scaled to 256 pixels, the 224 x 224 in the middle.

Layer 0 to 2 are the means over the picture behind blocks 3, 6 and 13, the last of each size (24,
32 and 96 numbers), layer 3 is that of the last convolution. Its 1000 classes are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.encoders import (
    Encoded,
    Encoder,
    Settings,
    pictures,
    pooling,
    vision_pixels,
    weight_files,
)
from emocli.encoders.torchvision_mobilenet_v2 import KIND

MODALITY = "video"
POOLINGS = pooling.POOLINGS
# Of each group of blocks: expansion, channels, blocks, stride of the first (table 2).
GROUPS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
FIRST, WIDTH = 32, 1280  # channels of the first and of the last convolution
KEPT = (3, 6, 13, 18)  # the parts whose output is a layer
LAYERS = len(KEPT) - 1
UNEQUAL_LAYERS = True
TOGETHER = 16  # frames in a forward pass
PIXELS = vision_pixels.Pixels(
    edge=256, crop=(224, 224), mean=(0.485, 0.456, 0.406), sd=(0.229, 0.224, 0.225)
)


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of torchvision's weights, as `models pull` writes it."""
    return config.get("model_type") == KIND


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of films: of each its `images` (frames, height, width, 3)."""
    found = weight_files.tensors(folder, "a MobileNetV2")
    read = weight_files.read(found, shapes())
    dtype = getattr(torch, settings.dtype)
    weights = {name: tensor.to(settings.device, dtype) for name, tensor in read.items()}
    layers = pooling.layers_of(settings.layer, LAYERS)
    pooling.pieces(settings.pooling)  # raises for an unknown one

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        images = pictures.of_all(inputs, "no frame")
        batches = vision_pixels.batches(
            [i for several in images for i in several], PIXELS, TOGETHER
        )
        states = [forward(weights, batch.to(settings.device, dtype)) for batch in batches]
        values = torch.cat([torch.cat([s[n] for n in layers], 1).float().cpu() for s in states])
        parts = torch.split(values, [len(several) for several in images])
        return [Encoded(pooling.pooled(part, settings.pooling)) for part in parts]

    return run


def blocks() -> list[tuple[int, int, int, int]]:
    """Return expansion, channels in, channels out and stride of each block."""
    found, channels = [], FIRST
    for expansion, out, count, stride in GROUPS:
        for number in range(count):
            found.append((expansion, channels, out, 1 if number else stride))
            channels = out
    return found


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of the network's tensors by name."""
    found = _unit("features.0.0", "features.0.1", (FIRST, 3, 3, 3))
    for place, (expansion, channels, out, _) in enumerate(blocks(), 1):
        hidden, name, step = channels * expansion, f"features.{place}.conv", 0
        if expansion > 1:
            found |= _unit(f"{name}.0.0", f"{name}.0.1", (hidden, channels, 1, 1))
            step = 1
        found |= _unit(f"{name}.{step}.0", f"{name}.{step}.1", (hidden, 1, 3, 3))
        found |= _unit(f"{name}.{step + 1}", f"{name}.{step + 2}", (out, hidden, 1, 1))
    return found | _unit("features.18.0", "features.18.1", (WIDTH, GROUPS[-1][1], 1, 1))


def _unit(name: str, norm: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.weight": shape} | {f"{norm}.{part}": shape[:1] for part in parts}


def forward(weights: Mapping[str, Tensor], x: Tensor) -> list[Tensor]:
    """Map pictures (batch, 3, height, width) to the numbers (batch, dim) of each layer."""
    x, states = _convolved(weights, "features.0.0", "features.0.1", x, stride=2), []
    for place, (expansion, channels, out, stride) in enumerate(blocks(), 1):
        name, step, before = f"features.{place}.conv", 0, x
        if expansion > 1:
            x, step = _convolved(weights, f"{name}.0.0", f"{name}.0.1", x), 1
        x = _convolved(weights, f"{name}.{step}.0", f"{name}.{step}.1", x, stride=stride)
        x = _convolved(weights, f"{name}.{step + 1}", f"{name}.{step + 2}", x, bends=False)
        x = x + before if stride == 1 and channels == out else x
        states += [x.mean((2, 3))] if place in KEPT else []
    return [*states, _convolved(weights, "features.18.0", "features.18.1", x).mean((2, 3))]


def _convolved(
    weights: Mapping[str, Tensor], name: str, norm: str, x: Tensor, stride: int = 1,
    *, bends: bool = True,
) -> Tensor:  # fmt: skip
    """Convolve, depthwise where a filter has one channel, normalise and bend by ReLU6."""
    kernel = weights[f"{name}.weight"]
    groups, padding = x.shape[1] // kernel.shape[1], kernel.shape[2] // 2
    x = F.conv2d(x, kernel, stride=stride, padding=padding, groups=groups)
    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    x = F.batch_norm(x, mean, variance, weights[f"{norm}.weight"], weights[f"{norm}.bias"])
    return F.relu6(x) if bends else x
