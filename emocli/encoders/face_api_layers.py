"""Layers that the networks of face-api share, as TensorFlow.js computes them."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor


def separable(weights: Mapping[str, Tensor], name: str, x: Tensor, stride: int = 1) -> Tensor:
    """Convolve each channel by itself, 3 x 3, then mix the channels; 'same' padding of even sizes.

    At stride 2 that pads below and to the right only.
    """
    depthwise = weights[f"{name}.depthwise_filter"]
    x, padding = (x, 1) if stride == 1 else (same(x), 0)
    x = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=len(depthwise))
    return F.conv2d(x, weights[f"{name}.pointwise_filter"], weights[f"{name}.bias"])


def same(x: Tensor) -> Tensor:
    """Pad pictures of an even size so that 3 x 3 at stride 2 halves it: below and to the right."""
    return F.pad(x, (0, 1, 0, 1))
