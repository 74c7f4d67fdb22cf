"""Gated fusion: a gate per stream and unit decides how much of each stream passes.

The gated multimodal unit, for any number of streams (the paper's equations 1 to 3, and its form
for more than two modalities):

    h_m = tanh(W_m x_m),    z_m = sigmoid(Z_m [x_1; ...; x_M]),    fused = sum_m z_m * h_m

Differences and our choices:

1. A sequence is represented by its mean over the frames present.
2. The gates also read a column per stream that says whether it is present; the gate of an absent
   stream is zero.
3. For two streams the paper ties the gates, z and 1 - z; here each stream has its own.
4. Dropout of the fused vector.

References
----------
Arevalo, J. et al. (2017). Gated multimodal units for information fusion.
https://arxiv.org/abs/1702.01992
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.models._sequences import Inputs, Task, masked_mean


@dataclass(frozen=True)
class GatedConfig:
    """`dims`: stream -> numbers per vector or frame."""

    dims: dict[str, int]
    classes: int  # of regression: how many numbers
    hidden: int = 128
    dropout: float = 0.1
    task: Task = "classification"


class Gated(nn.Module):
    """A gated multimodal unit and a linear layer."""

    takes_time = True
    averages = True  # only the mean over time of a sequence matters

    def __init__(self, config: GatedConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = Inputs(config.dims)
        total = sum(config.dims.values()) + len(config.dims)
        self.features = nn.ModuleDict(
            {name: nn.Linear(dim, config.hidden) for name, dim in config.dims.items()}
        )
        self.gate = nn.ModuleDict({name: nn.Linear(total, config.hidden) for name in config.dims})
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden, config.classes)

    def _parts(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return gates and gated features, (batch, streams, hidden) both."""
        inputs = self.inputs(streams, masks)
        means = {name: masked_mean(*inputs[name]) for name in inputs}
        present = torch.stack([mask.any(dim=1) for _, mask in inputs.values()], dim=1)
        joined = torch.cat([*means.values(), present.to(self.inputs.mean)], dim=1)
        opened = torch.stack([torch.sigmoid(gate(joined)) for gate in self.gate.values()], dim=1)
        features = [torch.tanh(self.features[name](means[name])) for name in means]
        gates = opened * present[..., None]
        return gates, gates * torch.stack(features, dim=1)

    def gates(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `modalities` (batch, streams): the mean gate of each, as shares adding to one."""
        means = self._parts(streams, masks)[0].mean(dim=2)
        return {"modalities": means / means.sum(dim=1, keepdim=True).clamp_min(1e-9)}

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the sum of the gated features: (batch, hidden)."""
        return self.dropout(self._parts(streams, masks)[1].sum(dim=1))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
