"""Late fusion: every stream has a head of its own, and their calibrated answers are multiplied.

The lightweight baseline for conversations (Yeste and Rivas-Arevalo, 2026): a transformer text
classifier, a pretrained speech encoder, and a simple ensemble of their outputs. The paper does not
give its fusion rule. Ours is a product of experts with the prior taken out of all but the first,

    log p = log p_first + sum_s w_s (log p_s - log prior_s) + constant,

so that a stream that says no more than its prior changes nothing. Without the first stream the
others answer by themselves. Each head is standardise -> [linear -> GELU ->] linear, divided by a
temperature fitted on data it was not trained on (Guo et al.).

References
----------
Yeste, V., Rivas-Arevalo, J. (2026). Lightweight multimodal emotion recognition in conversation on
SemEval-2024 Task 3. https://arxiv.org/abs/2602.00914
Hinton, G. E. (2002). Training products of experts by minimizing contrastive divergence. Neural
Computation 14(8). https://doi.org/10.1162/089976602760128018
Guo, C. et al. (2017). On calibration of modern neural networks. https://arxiv.org/abs/1706.04599
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LateFusionConfig:
    """Streams in order, the first the one whose prior stays."""

    dims: dict[str, int]  # stream -> numbers per vector
    hidden: dict[str, int]  # stream -> hidden units; 0 is a linear head
    weights: dict[str, float]  # stream -> w; that of the first is 1
    classes: int


class Head(nn.Module):
    """Standardise -> [linear -> GELU ->] linear -> divide by the temperature."""

    mean: Tensor
    scale: Tensor
    temperature: Tensor
    log_prior: Tensor

    def __init__(self, dim: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("log_prior", torch.full((classes,), 1 / classes).log())
        self.hidden = nn.Linear(dim, hidden) if hidden else None
        self.output = nn.Linear(hidden or dim, classes)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return calibrated log-probabilities (batch, classes) of vectors (batch, dim)."""
        values = (vectors - self.mean) / self.scale
        if self.hidden is not None:
            values = nn.functional.gelu(self.hidden(values))
        return torch.log_softmax(self.output(values) / self.temperature, dim=-1)


class LateFusion(nn.Module):
    """A head per stream and the weighted product of their answers."""

    def __init__(self, config: LateFusionConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = nn.ModuleDict(
            {
                name: Head(dim, config.hidden[name], config.classes)
                for name, dim in config.dims.items()
            }
        )

    def unimodal(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return what each stream says alone: log-probabilities (batch, classes)."""
        return {name: self.heads[name](streams[name]) for name in self.config.dims}

    def shares(self, masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weight of each stream in the answer, adding to one: (batch,) each."""
        parts = {n: masks[n].float() * self.config.weights[n] for n in self.config.dims}
        total = torch.stack(list(parts.values())).sum(dim=0).clamp_min(1e-9)
        return {name: part / total for name, part in parts.items()}

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return fused log-probabilities (batch, classes)."""
        answers = self.unimodal(streams)
        first, *others = self.config.dims
        total = torch.where(masks[first][:, None], answers[first], 0.0)
        for name in others:
            prior = self.heads[name].get_buffer("log_prior")
            evidence = self.config.weights[name] * (answers[name] - prior)
            alone = answers[name]
            part = torch.where(masks[first][:, None], evidence, alone)
            total = total + torch.where(masks[name][:, None], part, 0.0)
        return torch.log_softmax(total, dim=-1)

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes): the fused log-probabilities as they are."""
        return fused

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
