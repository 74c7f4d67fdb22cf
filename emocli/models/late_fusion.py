"""Late fusion: combine the calibrated predictions of a head per stream.

The lightweight baseline for conversations (Yeste and Rivas-Arevalo, 2026): a transformer text
classifier, a pretrained speech encoder, and a simple ensemble of their outputs. The paper does not
give its rule of fusion. Ours, with p_s the prediction of the head of stream s and weights fitted on
data the heads were not trained on:

    evidence:    log p = log p_first + sum_s w_s (log p_s - log prior_s) + constant
    sum:         p = sum_s w_s p_s,  weights adding to one
    product:     log p = sum_s w_s log p_s + constant,  weights adding to one (product of experts)
    regression:  multinomial logistic regression on all log p_s side by side

In `evidence` the prior is removed from all streams but the first, so that a stream that predicts
its prior changes nothing; without the first stream the others predict by themselves. In the other
rules the weights of the streams present are scaled to add to one (equal if all are zero), and
`regression` falls back to `sum` where a stream is missing. Without any stream all classes are
equally likely.

Each head is standardise -> [linear -> GELU ->] linear, divided by a temperature fitted on data it
was not trained on (Guo et al.), which may grow where a vector is unlike those of training (see
`_familiar`). A head reads the mean over the frames present.

References
----------
Yeste, V., Rivas-Arevalo, J. (2026). Lightweight multimodal emotion recognition in conversation on
SemEval-2024 Task 3. https://arxiv.org/abs/2602.00914
Hinton, G. E. (2002). Training products of experts by minimizing contrastive divergence. Neural
Computation 14(8). https://doi.org/10.1162/089976602760128018
Guo, C. et al. (2017). On calibration of modern neural networks. https://arxiv.org/abs/1706.04599
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from emocli.errors import ConfigError
from emocli.models import _late_rules as rules
from emocli.models._familiar import Familiar
from emocli.models._late_rules import EVIDENCE, PRODUCT, REGRESSION, RULES
from emocli.models._sequences import pooled


@dataclass(frozen=True)
class LateFusionConfig:
    """Streams in order; the prior of the first is kept."""

    dims: dict[str, int]  # stream -> numbers per vector or frame
    hidden: dict[str, int]  # stream -> hidden units; 0 is a linear head
    weights: dict[str, float]  # stream -> w; in `evidence` that of the first is 1
    classes: int
    rule: str = EVIDENCE
    centres: dict[str, int] = field(default_factory=dict)  # stream -> corpora that it knows, or 0


class Head(nn.Module):
    """Standardise -> [linear -> GELU ->] linear -> divide by the temperature."""

    mean: Tensor
    scale: Tensor
    temperature: Tensor
    log_prior: Tensor

    def __init__(self, dim: int, hidden: int, classes: int, centres: int = 0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("log_prior", torch.full((classes,), 1 / classes).log())
        self.hidden = nn.Linear(dim, hidden) if hidden else None
        self.output = nn.Linear(hidden or dim, classes)
        self.familiar = Familiar(dim, centres) if centres else None

    def forward(self, vectors: Tensor) -> Tensor:
        """Return calibrated log-probabilities (batch, classes) of vectors (batch, dim)."""
        values = (vectors - self.mean) / self.scale
        temperature = self.temperature
        if self.familiar is not None:
            temperature = temperature * self.familiar(values)
        if self.hidden is not None:
            values = nn.functional.gelu(self.hidden(values))
        return torch.log_softmax(self.output(values) / temperature, dim=-1)


class LateFusion(nn.Module):
    """A head per stream and a rule that combines their predictions."""

    takes_time = True

    def __init__(self, config: LateFusionConfig) -> None:
        super().__init__()
        if config.rule not in RULES:
            hint = f"one of {', '.join(RULES)}"
            raise ConfigError(f"unknown rule {config.rule!r} of late-fusion", hint=hint)
        self.config = config
        self.heads = nn.ModuleDict(
            {
                name: Head(dim, config.hidden[name], config.classes, config.centres.get(name, 0))
                for name, dim in config.dims.items()
            }
        )
        total = len(config.dims) * config.classes
        learned = config.rule == REGRESSION
        self.regression = nn.Linear(total, config.classes) if learned else None

    def unimodal(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the log-probabilities (batch, classes) that each stream predicts.

        Without masks all streams are present. The prediction of an absent stream is meaningless.
        """
        masks = masks or {n: torch.ones_like(v[..., 0]).bool() for n, v in streams.items()}
        return {n: self.heads[n](pooled(streams[n], masks[n])) for n in self.config.dims}

    def answers(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return log-probabilities (batch, streams, classes) and presence (batch, streams)."""
        return torch.stack(list(self.unimodal(streams, masks).values()), dim=1), self._present(
            masks
        )

    def _present(self, masks: dict[str, Tensor]) -> Tensor:
        selected = [masks[name] for name in self.config.dims]
        return torch.stack([m if m.ndim == 1 else m.any(dim=1) for m in selected], dim=1)

    def shares(self, masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weight of each stream in the prediction, adding to one: (batch,) each.

        In a regression it is the size (Frobenius norm) of a stream's part of the matrix.
        """
        present = self._present(masks)
        weights = rules.scaled(self._weights(present.device), present)
        if self.regression is not None:
            weight = self.regression.weight.detach()
            blocks = weight.reshape(len(weight), present.shape[1], -1)
            sizes = blocks.square().sum(dim=(0, 2)).sqrt()
            sizes = sizes / sizes.sum().clamp_min(1e-9)
            weights = torch.where(present.all(dim=1, keepdim=True), sizes, weights)
        return dict(zip(self.config.dims, weights.T, strict=True))

    def _weights(self, device: torch.device) -> Tensor:
        return torch.tensor([self.config.weights[name] for name in self.config.dims], device=device)

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return fused log-probabilities (batch, classes)."""
        answers, present = self.answers(streams, masks)
        return self.combine(answers, present, self._weights(present.device))

    def combine(self, answers: Tensor, present: Tensor, weights: Tensor) -> Tensor:
        """Return fused log-probabilities (batch, classes) with given weights (streams,)."""
        rule = self.config.rule
        if rule == EVIDENCE:
            priors = torch.stack([head.get_buffer("log_prior") for head in self.heads.values()])
            return rules.evidence(answers, present, weights, priors)
        if rule == PRODUCT:
            return rules.product(answers, rules.scaled(weights, present))
        fused = rules.weighted_sum(answers, rules.scaled(weights, present))
        if self.regression is None:
            return fused
        learned = self.regression(answers.flatten(1)).log_softmax(dim=1)
        return torch.where(present.all(dim=1, keepdim=True), learned, fused)

    def prior(self, masks: dict[str, Tensor]) -> Tensor:
        """Return the log share of each class in training (batch, classes), by the streams present.

        That is what the rule makes of heads that predict their own shares. A regression has none.
        """
        present = self._present(masks)
        shares = torch.stack([head.get_buffer("log_prior") for head in self.heads.values()])
        answers = shares.log_softmax(-1).expand(len(present), *shares.shape)
        return self.combine(answers, present, self._weights(present.device))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes): the fused log-probabilities as they are."""
        return fused

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
