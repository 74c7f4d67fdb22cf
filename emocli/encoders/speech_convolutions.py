"""What wav2vec 2.0 and its relatives do along time: convolutions over samples, and positions.

Baevski et al. 2020, wav2vec 2.0, https://arxiv.org/abs/2006.11477; names of parameters and of
settings as in transformers. There is no padding here: a window is computed by itself. Our choice,
for speed: time comes before channels, so that a convolution is a product of matrices that copies
nothing; a few frames go through all convolutions before the next; a group norm is folded into the
convolution before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
}
CACHED_FRAMES = 128  # whose numbers, of all convolutions, stay in the cache of a core: our choice
LAYER, GROUP = "layer", "group"  # values of feat_extract_norm


class Taps(NamedTuple):
    """What multiplies the samples under a kernel (kernel x inputs, outputs), and what is added."""

    weight: Tensor
    bias: Tensor | None


class Convolution(nn.Module):
    """A strided convolution without padding, a norm and an activation; time comes first.

    It is a product of matrices: with time first, the samples under a kernel are next to each other.
    """

    def __init__(self, of: Mapping[str, Any], number: int, inputs: int, norm: str) -> None:
        super().__init__()
        outputs, bias = of["conv_dim"][number], of["conv_bias"]
        kernel, stride = of["conv_kernel"][number], of["conv_stride"][number]
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=bias)
        if norm:
            self.layer_norm = nn.LayerNorm(outputs)
        self.norm, self.activation = norm, ACTIVATIONS[of["feat_extract_activation"]]

    def taps(self, wave: Tensor) -> Taps:
        """Return what the convolution does to frames of a window (samples,)."""
        weight = self.conv.weight.permute(2, 1, 0).flatten(0, 1)
        if self.norm != GROUP:
            return Taps(weight, self.conv.bias)
        gain, bias = self._scale(wave)
        return Taps(weight * gain, bias)

    def forward(self, x: Tensor, taps: Taps) -> Tensor:
        """Map `x` (time, inputs) to (shorter time, outputs)."""
        x = self._product(x, taps.weight)
        x = x if taps.bias is None else x.add_(taps.bias)
        if self.norm == LAYER:
            x = F.layer_norm(x, x.shape[1:], self.layer_norm.weight, self.layer_norm.bias)
        return self.activation(x)

    def _product(self, x: Tensor, taps: Tensor) -> Tensor:
        (kernel,), (stride,), inputs = self.conv.kernel_size, self.conv.stride, x.shape[1]
        count = (len(x) - kernel) // stride + 1
        step = kernel if inputs == 1 else stride  # rows that overlap would be copied
        out: Tensor | None = None
        for first in range(0, kernel, step):
            size = min(step, kernel - first) * inputs
            start = x.storage_offset() + first * inputs
            rows = x.as_strided((count, size), (stride * inputs, 1), start)
            part = taps[first * inputs : first * inputs + size]
            out = rows @ part if out is None else out.addmm_(rows, part)
        assert out is not None
        return out

    def _scale(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gain and the bias of each channel, by a group norm, of samples (time,).

        It brings each channel to mean 0 and variance 1 over time. As the convolution is linear,
        both follow from the mean and the covariance of the samples under the kernel.
        """
        (kernel,), (stride,) = self.conv.kernel_size, self.conv.stride
        under = wave.double().unfold(0, kernel, stride)
        mean = under.mean(0)
        apart = under - mean
        weight = self.conv.weight[:, 0].double()
        variance = ((weight @ (apart.T @ apart / len(apart))) * weight).sum(1)
        gain = self.layer_norm.weight.double() / (variance + self.layer_norm.eps).sqrt()
        bias = self.layer_norm.bias.double() - weight @ mean * gain
        return gain.to(wave.dtype), bias.to(wave.dtype)


class Convolutions(nn.Module):
    """The convolutions: samples to frames, 20 ms apart in all published networks."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        norm, dims = of["feat_extract_norm"], [1, *of["conv_dim"]]
        if norm not in (LAYER, GROUP):
            raise ValueError(f"feat_extract_norm {norm!r}")
        self.conv_layers = nn.ModuleList(
            Convolution(of, n, inputs, norm if norm == LAYER or n == 0 else "")
            for n, inputs in enumerate(dims[:-1])
        )
        self.sizes = list(zip(of["conv_kernel"], of["conv_stride"], strict=True))
        self.hop, self.field = (
            math.prod(of["conv_stride"]),
            1,
        )  # samples from frame to frame, under one
        for kernel, stride in reversed(self.sizes):
            self.field = (self.field - 1) * stride + kernel

    def frames(self, samples: int) -> int:
        """Return how many frames a number of samples has."""
        return max(0, (samples - self.field) // self.hop + 1)

    def forward(self, wave: Tensor) -> Tensor:
        """Map a window (samples,) to frames (time, channels), a few at a time."""
        count = self.frames(len(wave))
        step = CACHED_FRAMES if wave.device.type == "cpu" else count
        layers: list[Any] = list(self.conv_layers)
        taps = [layer.taps(wave) for layer in layers]
        return torch.cat(
            [
                self._some(wave, start, min(start + step, count), taps)
                for start in range(0, count, step)
            ]
        )

    def _some(self, wave: Tensor, start: int, end: int, taps: Sequence[Taps]) -> Tensor:
        x = wave[start * self.hop : (end - 1) * self.hop + self.field, None]
        for layer, of_layer in zip(self.conv_layers, taps, strict=True):
            x = layer(x, of_layer)
        return x


class Projection(nn.Module):
    """A norm and a linear map of each frame."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        channels = of["conv_dim"][-1]
        if of["feat_proj_layer_norm"]:
            self.layer_norm = nn.LayerNorm(channels, eps=of["layer_norm_eps"])
        self.projection = nn.Linear(channels, of["hidden_size"])
        self.is_normed = of["feat_proj_layer_norm"]

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (time, channels) to (time, dim)."""
        return self.projection(self.layer_norm(x) if self.is_normed else x)


class Positions(nn.Module):
    """What a wide convolution over the frames adds to each, so that it knows its neighbours."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        dim, width = of["hidden_size"], of["num_conv_pos_embeddings"]
        groups = of["num_conv_pos_embedding_groups"]
        self.conv = nn.Conv1d(dim, dim, width, padding=width // 2, groups=groups)
        if of["conv_pos_batch_norm"]:
            self.batch_norm = nn.BatchNorm1d(dim)
        self.is_normed = of["conv_pos_batch_norm"]
        self.activation = ACTIVATIONS[of["feat_extract_activation"]]

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (time, dim) to what is added to it."""
        turned = x.T[None]
        turned = self.batch_norm(turned) if self.is_normed else turned
        return self.activation(self.conv(turned)[0, :, : len(x)]).T
