"""What wav2vec 2.0 and its relatives do along time: convolutions over samples, and positions.

Baevski et al. 2020, wav2vec 2.0, https://arxiv.org/abs/2006.11477; names of parameters and of
settings as in transformers. There is no padding here: a window is computed by itself. Our choice:
time comes before channels, so that a convolution is a product of matrices that copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
LAYER, GROUP = "layer", "group"  # values of feat_extract_norm


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

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (time, inputs) to (shorter time, outputs)."""
        x = self._convolved(x.contiguous())
        if self.norm:
            weight, bias = self.layer_norm.weight, self.layer_norm.bias
        if self.norm == GROUP:  # each channel over time, as a batch norm of what is there
            x = F.batch_norm(x, None, None, weight, bias, training=True)
        elif self.norm:
            x = F.layer_norm(x, weight.shape, weight, bias)
        return self.activation(x)

    def _convolved(self, x: Tensor) -> Tensor:
        (kernel,), (stride,), inputs = self.conv.kernel_size, self.conv.stride, x.shape[1]
        count = (len(x) - kernel) // stride + 1
        taps = self.conv.weight.permute(2, 1, 0).flatten(0, 1)  # (kernel x inputs, outputs)
        step = kernel if inputs == 1 else stride  # rows that overlap would be copied
        out: Tensor | None = None
        for first in range(0, kernel, step):
            size = min(step, kernel - first) * inputs
            start = x.storage_offset() + first * inputs
            rows = x.as_strided((count, size), (stride * inputs, 1), start)
            part = taps[first * inputs : first * inputs + size]
            out = rows @ part if out is None else out.addmm_(rows, part)
        assert out is not None
        return out if self.conv.bias is None else out.add_(self.conv.bias)


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

    def frames(self, samples: int) -> int:
        """Return how many frames a number of samples has; 0 or less: none."""
        for kernel, stride in self.sizes:
            samples = (samples - kernel) // stride + 1
        return samples

    def forward(self, wave: Tensor) -> Tensor:
        """Map a window (samples,) to frames (time, channels)."""
        x = wave[:, None]
        for layer in self.conv_layers:
            x = layer(x)
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
