"""EEGNet: temporal filters, spatial filters for each, and a separable convolution on a raw signal.

The plain baseline on the samples of EEG themselves: a stream's frames are samples (time, channels).
With F1 = `filters`, D = `depth`, F2 = `hidden`, and the standardised signal X:

    block 1: temporal convolution (F1 kernels, half a second) and D spatial filters for each
             -> batch norm -> ELU -> mean pool to `moments` -> dropout
    block 2: separable convolution (depthwise over 16 moments, then F2 pointwise)
             -> batch norm -> ELU -> mean pool by 8 -> dropout -> linear

Differences and our choices:

1. The spatial filters come first, which is the same product at a tenth of the cost. The batch norm
   between them would be absorbed by the one behind them, and is left out.
2. Batch norm counts unmasked samples only, of all processes together.
3. The first pool is over `moments` bins of a record's own length and not over 4 samples: 128
   moments are the source's for 4 s at 128 Hz. `kernel` is half the rate at 128 Hz.
4. Several streams have a block 1 each, whose moments lie side by side in block 2.
5. No limits on the norm of weights (1 for spatial filters, 0.25 for the last layer), to have no
   second regulariser besides the weight decay of all models.

References
----------
Lawhern, V. J. et al. (2018). EEGNet: a compact convolutional neural network for EEG-based
brain-computer interfaces. https://doi.org/10.1088/1741-2552/aace8c and
https://arxiv.org/abs/1611.08024
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli.models._sequences import AllGather, Inputs, Sequence, Task, identity, length, segments

LATE_KERNEL = 16  # moments: half a second of 4 s in 128 moments
LATE_POOL = 8  # moments
MOMENTUM = 0.1  # of the running averages of batch norm
EPSILON = 1e-3


@dataclass(frozen=True)
class EegnetConfig:
    """The published EEGNet-8,2 for 4 s at 128 Hz is the default."""

    dims: dict[str, int]  # stream -> channels
    classes: int  # of regression: how many numbers
    filters: int = 8  # F1
    depth: int = 2  # D
    hidden: int = 16  # F2
    kernel: int = 64  # samples
    moments: int = 128
    dropout: float = 0.5
    task: Task = "classification"


class Eegnet(nn.Module):
    """Block 1 for each stream, block 2 for all, a linear layer."""

    takes_time = True

    def __init__(self, config: EegnetConfig) -> None:
        super().__init__()
        self.config = config
        wide = len(config.dims) * config.filters * config.depth
        self.inputs = Inputs(config.dims)
        self.early = nn.ModuleDict({name: Early(dim, config) for name, dim in config.dims.items()})
        self.over_time = nn.Conv1d(wide, wide, LATE_KERNEL, groups=wide, bias=False)
        self.mix = nn.Linear(wide, config.hidden, bias=False)
        self.norm = MaskedNorm(config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.pooled = -(-config.moments // LATE_POOL)
        self.output = nn.Linear(self.pooled * config.hidden, config.classes)

    def fuse(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        all_gather: AllGather = identity,
    ) -> Tensor:
        """Return the pooled output of block 2: (batch, moments / 8 * hidden)."""
        parts = []
        for name, sequence in self.inputs(streams, masks).items():
            values, mask = self.early[name](sequence, all_gather)
            values, mask = binned(values, mask, self.config.moments)
            parts.append((self.dropout(values) * mask[..., None], mask))
        mask = torch.stack([mask for _, mask in parts]).any(dim=0)
        joined = torch.cat([values for values, _ in parts], dim=2)
        mixed = self.mix(same(joined, self.over_time.weight))
        late = functional.elu(self.norm((mixed, mask), all_gather))
        values, _ = segments(late * mask[..., None], mask, self.pooled)
        return values.flatten(1)

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(self.dropout(fused))

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))

    def objective(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        targets: Tensor,
        task_loss: Callable[[Tensor, Tensor], Tensor],
        all_gather: AllGather = identity,
    ) -> dict[str, Tensor]:
        """Return the loss; batch norm sees the whole batch."""
        logits = self.classify(self.fuse(streams, masks, all_gather))
        return {"task": task_loss(all_gather(logits), targets)}


class Early(nn.Module):
    """Block 1 of a stream: spatial and temporal filters, batch norm, ELU."""

    def __init__(self, channels: int, config: EegnetConfig) -> None:
        super().__init__()
        self.depth = config.depth
        wide = config.filters * config.depth
        self.spatial = nn.Linear(channels, wide, bias=False)
        self.temporal = nn.Conv1d(config.filters, config.filters, config.kernel,
                                  groups=config.filters, bias=False)  # fmt: skip
        self.norm = MaskedNorm(wide)

    def forward(self, sequence: Sequence, all_gather: AllGather) -> Sequence:
        """Return (batch, time, filters * depth), and the mask of (batch, time)."""
        values, mask = sequence
        kernels = self.temporal.weight.repeat_interleave(self.depth, dim=0)
        filtered = same(self.spatial(values), kernels)
        return functional.elu(self.norm((filtered, mask), all_gather)), mask


class MaskedNorm(nn.Module):
    """Batch norm over the moments in the mask, of the whole batch."""

    mean: Tensor
    variance: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("variance", torch.ones(dim))

    def forward(self, sequence: Sequence, all_gather: AllGather) -> Tensor:
        """Return values (batch, time, dim) with mean 0 and variance 1 of each dimension."""
        values, mask = sequence
        mean, variance = self.mean, self.variance
        if self.training:
            mean, variance = self._moments(values.float(), mask, all_gather)
        return (values - mean) * torch.rsqrt(variance + EPSILON) * self.weight + self.bias

    def _moments(
        self, values: Tensor, mask: Tensor, all_gather: AllGather
    ) -> tuple[Tensor, Tensor]:
        """Return mean and variance (dim,) over the mask, and move the running averages."""
        weights = mask[..., None].to(values)
        count = all_gather(weights.sum(dim=1)).sum()
        mean = all_gather((values * weights).sum(dim=1)).sum(dim=0) / count.clamp_min(1)
        squares = ((values - mean).square() * weights).sum(dim=1)
        variance = all_gather(squares).sum(dim=0) / count.clamp_min(1)
        with torch.no_grad():
            if count > 1:
                self.mean.lerp_(mean, MOMENTUM)
                self.variance.lerp_(variance * count / (count - 1), MOMENTUM)
        return mean, variance


def same(values: Tensor, kernels: Tensor) -> Tensor:
    """Return (batch, time, dim): each dimension convolved with its kernel (dim, 1, taps)."""
    taps = kernels.shape[2]
    padded = functional.pad(values.transpose(1, 2), ((taps - 1) // 2, taps // 2))
    return functional.conv1d(padded, kernels, groups=len(kernels)).transpose(1, 2)


def binned(values: Tensor, mask: Tensor, count: int) -> Sequence:
    """Return what `segments` returns, without its matrix of bins by time, for much time."""
    samples = length(mask)[:, None]
    bins = torch.arange(count, device=mask.device)
    first, last = bins * samples // count, -(-(bins + 1) * samples // count)
    places = first[..., None] + torch.arange(int((last - first).max()), device=mask.device)
    inside = places < last[..., None]  # (batch, count, widest)
    places = places.clamp_max(mask.shape[1] - 1)
    rows = torch.arange(len(mask), device=mask.device)[:, None, None]
    weights = (inside & mask[rows, places]).to(values)
    total = weights.sum(dim=2)
    sums = (weights[:, :, None] @ values[rows, places])[:, :, 0]
    return sums / total.clamp_min(1)[..., None], total > 0
