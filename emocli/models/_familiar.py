"""How unlike its training data a vector is, and how much less sure a head has to be there.

Lee, Lee, Lee and Shin, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
Adversarial Attacks", NeurIPS 2018, https://arxiv.org/abs/1807.03888: the Mahalanobis distance to
the nearest of some means, under one covariance. Our choices: the means are those of the corpora,
not of the classes; the distance is taken along some axes; and the temperature grows with it,
without end, since what is stranger than all corpora should be said with less confidence still:

    d = min_c |axes z - centre_c| / sqrt(number of axes)
    factor = far ** (width softplus((d - threshold) / width))

which is 1 well below the threshold, and `far` ** (d - threshold) well above it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AXES = 256  # our choice: with few, a strange corpus is no further away than a strange speaker


class Familiar(nn.Module):
    """The factor of the temperature of standardised vectors: 1 near the centres, then growing."""

    axes: Tensor
    centres: Tensor
    far: Tensor
    threshold: Tensor
    width: Tensor

    def __init__(self, dim: int, centres: int) -> None:
        super().__init__()
        self.register_buffer("axes", torch.zeros(AXES, dim))
        self.register_buffer("centres", torch.zeros(centres, AXES))
        for name in ("far", "threshold", "width"):
            self.register_buffer(name, torch.ones(()))

    def distance(self, values: Tensor) -> Tensor:
        """Return the distance (batch, 1) of standardised vectors (batch, dim)."""
        placed = values @ self.axes.T
        apart = (placed[:, None] - self.centres).square().mean(dim=2)
        return apart.amin(dim=1, keepdim=True).sqrt()

    def forward(self, values: Tensor) -> Tensor:
        """Return the factor (batch, 1) for standardised vectors (batch, dim)."""
        beyond = F.softplus((self.distance(values) - self.threshold) / self.width) * self.width
        return self.far**beyond
