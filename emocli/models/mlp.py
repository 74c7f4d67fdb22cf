"""A multilayer perceptron with one hidden layer, on one stream or several concatenated.

With several streams a column per stream says whether it is present, and an absent one has its
mean (our choice: it carries no evidence). The fused vector is the hidden layer. BLEMORE's
baseline is `hidden` 512, `activation` "relu", `dropout` 0 on seven statistics of each stream.

References
----------
Rumelhart, D. E., Hinton, G. E., Williams, R. J. (1986). Learning representations by
back-propagating errors. Nature 323. https://doi.org/10.1038/323533a0
Hendrycks, D., Gimpel, K. (2016). Gaussian error linear units. https://arxiv.org/abs/1606.08415
Lachmann et al. (2026). Not all blends are equal. https://arxiv.org/abs/2601.13225
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class MlpConfig:
    """`dims`: stream -> numbers per vector, in the order they are concatenated."""

    dims: dict[str, int]
    classes: int
    hidden: int = 128
    dropout: float = 0.3  # our choice; of the input as well as of the hidden layer
    activation: Literal["gelu", "relu"] = "gelu"


class Mlp(nn.Module):
    """Standardise, concatenate, hidden layer, output layer."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: MlpConfig) -> None:
        super().__init__()
        self.config = config
        total = sum(config.dims.values())
        flags = len(config.dims) if len(config.dims) > 1 else 0
        self.register_buffer("mean", torch.zeros(total))
        self.register_buffer("scale", torch.ones(total))
        self.hidden = nn.Linear(total + flags, config.hidden)
        self.output = nn.Linear(config.hidden, config.classes)
        self.dropout = nn.Dropout(config.dropout)

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the hidden layer: (batch, hidden)."""
        sizes = list(self.config.dims.values())
        parts = []
        for name, mean, scale in zip(
            self.config.dims,
            torch.split(self.mean, sizes),
            torch.split(self.scale, sizes),
            strict=True,
        ):
            values = (streams[name] - mean) / scale
            parts.append(torch.where(masks[name][:, None], values, torch.zeros_like(values)))
        if len(parts) > 1:
            flags = [masks[name] for name in self.config.dims]
            parts.append(torch.stack(flags, dim=1).to(parts[0]))  # (batch, streams)
        joined = self.dropout(torch.cat(parts, dim=1))  # (batch, total)
        activation = nn.functional.relu if self.config.activation == "relu" else nn.functional.gelu
        return activation(self.hidden(joined))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(self.dropout(fused))

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
