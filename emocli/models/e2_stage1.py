"""E2-LLM's stage 1: a transformer over windows of EEG that is told emotions, and not told people.

The paper trains the encoder for emotion before a language model reads it. Neither sizes nor code
are public, so what follows is our design of it. With x_w the vector of window w (of an encoder, or
differential entropy):

    h      = transformer(linear(dropout(x_w)) [+ place in time] + stream)      2 layers, pre-norm
    fused  = a learned query attending to h over all windows (the "hierarchical" part)
    loss   = CE + 0.5 SupCon(fused) + 0.1 CE(subject from reversed fused)

1. No layer norm stands between x_w and the query but those inside the layers: how strong a window
   is tells whether it counts. On our simulation that and dropout of the inputs make the difference.
   `order` is for trials in which it matters when something happens.
2. SupCon pulls records of one emotion and of different subjects together, temperature 0.1. Records
   of the same subject and emotion are neither pulled nor pushed; a record without a partner in its
   batch is left out. Where the subject is not known, every record is its own.
3. The subject is predicted by a hidden layer whose gradient is reversed on its way to `fused`,
   times 2 / (1 + exp(-10 p)) - 1 with p the progress of training, as in domain-adversarial
   training. The head needs their number (`speakers`, which training fills in) and is used in
   training only.
4. `contrast` and `adversary` are the weights; 0 leaves a term out. On our simulation, with features
   relative to the subject, the contrast adds a point of accuracy and the adversary nothing
   (examples/eeg_models.py): pooling that finds the windows that matter adds 15.
5. Several streams are windows side by side: the transformer sees all of them.
6. For regression, emotions are whole numbers of the target, as in `stars`.

References
----------
E2-LLM (2026), EEG to emotion with a large language model. https://arxiv.org/abs/2601.07877
Khosla, P. et al. (2020). Supervised contrastive learning. https://arxiv.org/abs/2004.11362
Ganin, Y. et al. (2016). Domain-adversarial training of neural networks.
https://arxiv.org/abs/1505.07818
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli.models import _alignment as align
from emocli.models._sequences import (
    AllGather,
    Attention,
    Inputs,
    Layer,
    Task,
    identity,
    joined,
    positions,
)

STEEPNESS = 10.0  # of the ramp of the reversed gradient
QUERY_SD = 0.02  # of the learned query at the start


@dataclass(frozen=True)
class E2Stage1Config:
    """Our sizes; the paper's are not public."""

    dims: dict[str, int]  # stream -> numbers per window
    classes: int  # of regression: how many numbers
    hidden: int = 64
    heads: int = 4
    layers: int = 2
    dropout: float = 0.4  # of the inputs too
    order: bool = False  # whether windows know their place in time
    contrast: float = 0.5
    temperature: float = 0.1  # of the contrast
    adversary: float = 0.1
    speakers: int = 0  # subjects in the training records; 0 is unknown
    task: Task = "classification"
    primary: int = 0  # of several heads: the contrast uses only so many first outputs; 0 is all


class E2Stage1(nn.Module):
    """Project, transform, pool by attention, classify."""

    takes_time = True
    knows_speakers = True  # its objective takes the subject of each record

    def __init__(self, config: E2Stage1Config) -> None:
        super().__init__()
        self.config = config
        self.progress = 1.0
        dim = config.hidden
        self.inputs = Inputs(config.dims)
        self.project = nn.ModuleDict(
            {name: nn.Linear(size, dim) for name, size in config.dims.items()}
        )
        count = len(config.dims)
        self.stream = nn.Parameter(QUERY_SD * torch.randn(count, dim)) if count > 1 else None
        self.layers = nn.ModuleList(
            [Layer(dim, config.heads, config.dropout) for _ in range(config.layers)]
        )
        self.query = nn.Parameter(QUERY_SD * torch.randn(dim))
        self.pool = Attention(dim, config.heads)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(dim, config.classes)
        hunted = config.adversary and config.speakers > 1
        self.subject: Any = subject_head(dim, config.speakers) if hunted else None

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return what the query finds in the windows: (batch, hidden)."""
        parts = []
        for place, (name, (values, mask)) in enumerate(self.inputs(streams, masks).items()):
            tokens = self.project[name](self.dropout(values))
            if self.config.order:
                tokens = tokens + positions(tokens.shape[1], tokens.shape[2], tokens)
            tokens = tokens if self.stream is None else tokens + self.stream[place]
            parts.append((self.dropout(tokens) * mask[..., None], mask))
        values, mask = joined(parts)
        for layer in self.layers:
            values = layer(values, mask)
        query = self.query.expand(len(values), 1, -1)
        return self.pool(query, values, mask)[:, 0]

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
        *,
        speakers: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, weighted.

        `speakers` (batch,) are the subjects' numbers; a negative one is not known.
        """
        own = self.fuse(streams, masks)
        fused, logits = all_gather(own), all_gather(self.classify(own))
        if speakers is None:
            speakers = torch.full((len(fused),), -1, device=fused.device)
        terms = {"task": task_loss(logits, targets)}
        if self.config.contrast:
            terms["contrast"] = self.config.contrast * self._contrast(fused, targets, speakers)
        if self.subject is not None:
            terms["adversary"] = self.config.adversary * self._adversary(fused, speakers)
        return terms

    def _contrast(self, fused: Tensor, targets: Tensor, speakers: Tensor) -> Tensor:
        config = self.config
        kinds = align.binned(align.first(targets, config.primary), config.task)
        others = speakers.max() + 1 + torch.arange(len(fused), device=fused.device)
        people = torch.where(speakers < 0, others, speakers)  # each unknown one is another
        return contrast(fused, kinds, people, config.temperature)

    def _adversary(self, fused: Tensor, speakers: Tensor) -> Tensor:
        """Return the mean cross-entropy of the subjects that are known."""
        guess = self.subject(reversed_gradient(fused, ramp(self.progress))).float()
        known = speakers >= 0
        losses = functional.cross_entropy(guess, speakers.clamp_min(0), reduction="none")
        return (losses * known).sum() / known.sum().clamp_min(1)


def subject_head(dim: int, count: int) -> nn.Module:
    """Return what guesses which of the subjects a vector (batch, dim) is of."""
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, count))


def contrast(fused: Tensor, kinds: Tensor, people: Tensor, temperature: float) -> Tensor:
    """Return SupCon of vectors (batch, dim): one kind, different people, are partners.

    The mean over records that have a partner of -log softmax over the others, averaged over the
    partners; same kind and person do not count; zero where no record has a partner.
    """
    units = functional.normalize(fused.float(), dim=1)
    scores = units @ units.T / temperature
    alike = kinds[:, None] == kinds[None]
    same = people[:, None] == people[None]
    partner = alike & ~same
    some = partner.any(dim=1)
    if not some.any():
        return fused.float().sum() * 0.0
    lowest = torch.finfo(scores.dtype).min
    logs = scores - scores.masked_fill(alike & same, lowest).logsumexp(dim=1, keepdim=True)
    found = torch.where(partner, logs, 0.0).sum(dim=1) / partner.sum(dim=1).clamp_min(1)
    return -found[some].mean()


def reversed_gradient(values: Tensor, weight: float) -> Tensor:
    """Return the values; their gradient comes back with the other sign, times `weight`."""
    return values.detach() * (1 + weight) - values * weight


def ramp(progress: float) -> float:
    """Return how much of the gradient is reversed at this progress of training, 0 to 1."""
    return 2 / (1 + math.exp(-STEEPNESS * progress)) - 1
