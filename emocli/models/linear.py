"""Multinomial logistic regression on one stream, or on several concatenated.

The plain baseline beside every fusion model. With several streams a column per stream says
whether it is present, and an absent one has its mean (our choice: it carries no evidence).

References
----------
Cox, D. R. (1958). The regression analysis of binary sequences. JRSS B 20(2).
https://doi.org/10.1111/j.2517-6161.1958.tb00292.x
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LinearConfig:
    """`dims`: stream -> numbers per vector, in the order they are concatenated."""

    dims: dict[str, int]
    classes: int


class Linear(nn.Module):
    """Standardise, concatenate, one linear layer."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: LinearConfig) -> None:
        super().__init__()
        self.config = config
        total = sum(config.dims.values())
        flags = len(config.dims) if len(config.dims) > 1 else 0
        self.register_buffer("mean", torch.zeros(total))
        self.register_buffer("scale", torch.ones(total))
        self.output = nn.Linear(total + flags, config.classes)

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the standardised streams side by side, and their flags: (batch, total)."""
        parts = []
        for name, mean, scale in zip(self.config.dims, *self._split(), strict=True):
            present = masks[name][:, None]
            values = (streams[name] - mean) / scale
            parts.append(torch.where(present, values, torch.zeros_like(values)))  # (batch, dim)
        if len(parts) > 1:
            flags = [masks[name] for name in self.config.dims]
            parts.append(torch.stack(flags, dim=1).to(parts[0]))  # (batch, streams)
        return torch.cat(parts, dim=1)

    def _split(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        sizes = list(self.config.dims.values())
        return torch.split(self.mean, sizes), torch.split(self.scale, sizes)

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
