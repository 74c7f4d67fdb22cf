"""Early fusion: the streams' means over time side by side, then a multilayer perceptron.

The plain baseline that every other fusion model must beat: what the survey calls early, or
feature-level, fusion. Our choices, for lack of one source:

1. A sequence is represented by its mean over the frames present.
2. An absent stream has its training mean, and a column per stream says whether it is present.
3. One hidden layer of GELU units; dropout of the hidden layer.

References
----------
Baltrusaitis, T., Ahuja, C., Morency, L.-P. (2019). Multimodal machine learning: a survey and
taxonomy. IEEE TPAMI 41(2). https://arxiv.org/abs/1705.09406
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.models._sequences import Inputs, Task, masked_mean


@dataclass(frozen=True)
class ConcatConfig:
    """`dims`: stream -> numbers per vector or frame, in the order they are concatenated."""

    dims: dict[str, int]
    classes: int  # of regression: how many numbers
    hidden: int = 128
    dropout: float = 0.1
    task: Task = "classification"


class Concat(nn.Module):
    """Average over time, concatenate, hidden layer, output layer."""

    takes_time = True
    averages = True  # only the mean over time of a sequence matters

    def __init__(self, config: ConcatConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = Inputs(config.dims)
        self.hidden = nn.Linear(sum(config.dims.values()) + len(config.dims), config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden, config.classes)

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the hidden layer: (batch, hidden)."""
        inputs = self.inputs(streams, masks).values()
        means = [masked_mean(values, mask) for values, mask in inputs]
        flags = torch.stack([mask.any(dim=1) for _, mask in inputs], dim=1)  # (batch, streams)
        joined = torch.cat([*means, flags.to(means[0])], dim=1)
        return self.dropout(nn.functional.gelu(self.hidden(joined)))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
