"""AmbER2: experts for each stream and a fusion that learns from raters and from the experts.

For streams m with means over time h_m, y the shares of the raters' votes, JS in nats:

    g = sigmoid(W_g [h_A; h_T] + b),    h_AT = g * W_A h_A + (1 - g) * W_T h_T
    p_A, p_T, p_AT = softmax of a perceptron of two layers (ReLU) on each;  the student is s = p_AT
    L_RAI = JS(y || s),    L_MAI = sum over the experts m of u_m JS(s || p_m)
    D_m = JS(p_m || y),    u_m = exp(-kappa D_m) / sum of the same over the experts
    L = lambda_RAI L_RAI + lambda_MAI L_MAI + sum over the experts m of JS(y || p_m)

There is no code, and the paper gives neither the form of the gate nor what trains the experts. Our
choices:

1. The gate, above. For M streams g is a softmax over streams in each unit, over those that are
   there; the last stream's score is 0, so that for two streams it is the formula.
2. The last term of L: without it nothing ties the experts to the raters.
3. In L_MAI the student follows, the experts do not: no gradient goes into p_m and u_m
   (`stop_gradient`). lambda_RAI is 1; the paper looks for lambda_MAI in 0.3, 0.5, 0.7 and for kappa
   in 2, 4, 8 on validation data, and does not say what it found: the middle ones here.
4. The expert of a stream that is not there has no part. Without a label: only L_MAI, with even u.
5. Numbers instead of classes: squared errors in place of JS.
6. `objective` "task" trains the same student by the task's loss alone, which is the paper's
   baseline; `student` may be a stream, and `uniform` makes u even (ablations).
7. Several heads: JS is over the first `primary` columns; the others learn by the task's loss.

References
----------
Wu, J., Lin, G., Song, Y., Picard, R. (2026). AmbER2: dual ambiguity-aware emotion recognition
applied to speech and text. ICASSP 2026. https://arxiv.org/abs/2601.18010
Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Transactions on Information
Theory 37(1). https://doi.org/10.1109/18.61115
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.errors import ConfigError
from emocli.models._sequences import AllGather, Inputs, identity, masked_mean

FUSION = "fusion"  # the head that hears all streams
OBJECTIVES = ("amber2", "task")
LEAST = -100.0  # log of the least probability: exp(-100) is the last that float32 holds

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Amber2Config:
    """`dims`: stream -> numbers per vector or frame."""

    dims: dict[str, int]
    classes: int  # of regression: how many numbers
    hidden: int = 256
    dropout: float = 0.2  # of the hidden layer of each head
    rater: float = 1.0  # lambda_RAI
    modality: float = 0.5  # lambda_MAI
    kappa: float = 4.0  # per nat: how much nearer the raters an expert must be to be followed
    student: str = FUSION  # or a stream: then the fusion is among the experts
    uniform: bool = False
    stop_gradient: bool = True
    objective: str = "amber2"
    primary: int = 0  # how many of the columns are shares; 0 is all
    task: str = "classification"


class Amber2(nn.Module):
    """A head for each stream and one for their gated sum."""

    takes_time = True
    averages = True  # of a sequence only its mean over time matters

    def __init__(self, config: Amber2Config) -> None:
        super().__init__()
        _check(config)
        self.config = config
        hidden, count = config.hidden, len(config.dims)
        sizes = {**config.dims, FUSION: hidden}
        if config.objective == "task":
            sizes = {config.student: sizes[config.student]}
        self.inputs = Inputs(config.dims)
        self.heads = nn.ModuleDict({name: self._head(size) for name, size in sizes.items()})
        self.project = nn.ModuleDict({n: nn.Linear(d, hidden) for n, d in config.dims.items()})
        total = sum(config.dims.values())
        self.gate = nn.Linear(total, (count - 1) * hidden) if count > 1 else None

    def _head(self, size: int) -> nn.Sequential:
        config = self.config
        return nn.Sequential(
            nn.Linear(size, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.classes),
        )

    def _means(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return h_m (batch, dim) of each stream, and which are there (batch, streams)."""
        found = self.inputs(streams, masks)
        there = torch.stack([mask.any(dim=1) for _, mask in found.values()], dim=1)
        return {name: masked_mean(*pair) for name, pair in found.items()}, there

    def _open(self, means: dict[str, Tensor], there: Tensor) -> Tensor:
        """Return g of each stream, (batch, streams, hidden), adding to one over what is there."""
        scores = there.new_zeros((len(there), 1, self.config.hidden), dtype=torch.float32)
        if self.gate is not None:
            others = self.gate(torch.cat(list(means.values()), dim=1))
            scores = torch.cat([others.unflatten(1, (-1, self.config.hidden)), scores], dim=1)
        return _softmax(scores, there[..., None].expand_as(scores))

    def _vectors(self, means: dict[str, Tensor], there: Tensor) -> dict[str, Tensor]:
        """Return what each head hears: (batch, dim) of a stream, (batch, hidden) of the fusion."""
        projected = torch.stack([self.project[name](means[name]) for name in means], dim=1)
        return {**means, FUSION: (self._open(means, there) * projected).sum(dim=1)}

    def _answer(self, logits: Tensor) -> Tensor:
        """Return log-probabilities, or numbers, of the first head: (batch, primary)."""
        first = logits[:, : self.config.primary or None].float()  # bfloat16 is too coarse for JS
        return first if self.config.task == "regression" else first.log_softmax(dim=1)

    def _truth(self, targets: Tensor) -> Tensor:
        """Return logs of the shares of votes, or numbers, NaN without a label: (batch, primary)."""
        count = self.config.primary or self.config.classes
        if self.config.task == "regression":
            return targets.reshape(len(targets), -1)[:, :count]
        if targets.ndim == 1:
            return nn.functional.one_hot(targets, count).float().log()
        return targets[:, :count].log()

    def _distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Return how far two answers are apart, (batch,): JS in nats, or the squared error."""
        if self.config.task == "regression":
            return (first - second).square().mean(dim=1)
        return divergence(first, second)

    def trust(self, distances: Tensor, there: Tensor) -> Tensor:
        """Return u (batch, experts) of D (batch, experts): one in all over those there."""
        kappa = 0.0 if self.config.uniform else self.config.kappa
        return _softmax(-kappa * distances, there)

    def objective(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        targets: Tensor,
        task_loss: Loss,
        all_gather: AllGather = identity,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, weighted: `rater`, `modality`, `experts`; or `task`.

        Targets are classes (batch,), shares (batch, classes) or numbers (batch, numbers).
        """
        config, student = self.config, self.config.student
        means, present = self._means(streams, masks)
        vectors, present = self._vectors(means, present), all_gather(present)
        logits = {name: all_gather(head(vectors[name])) for name, head in self.heads.items()}
        if config.objective == "task":
            return {"task": task_loss(logits[student], targets)}
        there = dict(zip(means, present.T, strict=True)) | {FUSION: torch.ones_like(present[:, 0])}
        answers = {name: self._answer(values) for name, values in logits.items()}
        terms = self._terms(answers, there, self._truth(targets))
        if config.primary in (0, config.classes):
            return terms
        others = targets.clone()
        others[:, : config.primary] = math.nan  # no label: that head has its terms
        return {**terms, "task": task_loss(logits[student], others)}

    def _terms(
        self, answers: dict[str, Tensor], there: dict[str, Tensor], truth: Tensor
    ) -> dict[str, Tensor]:
        config, student = self.config, self.config.student
        off = {  # D; without a label an answer is as right as any
            name: self._distance(torch.where(truth.isnan(), answer, truth), answer) * there[name]
            for name, answer in answers.items()
        }
        experts = [name for name in answers if name != student]
        distances = torch.stack([off[name] for name in experts], dim=1)
        present = torch.stack([there[name] for name in experts], dim=1)
        trust = self.trust(distances, present)
        said = {name: answers[name] for name in experts}
        if config.stop_gradient:
            trust, said = trust.detach(), {name: a.detach() for name, a in said.items()}
        apart = torch.stack([self._distance(answers[student], a) for a in said.values()], dim=1)
        followed = (trust * apart).sum(dim=1) * there[student]
        return {
            "rater": config.rater * off[student].mean(),
            "modality": config.modality * followed.mean(),
            "experts": distances.sum(dim=1).mean(),
        }

    def unimodal(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return what each expert says: log-probabilities (batch, primary), or numbers.

        None has been trained by "task" alone, so there are none then.
        """
        masks = masks or {n: torch.ones_like(v[..., 0]).bool() for n, v in streams.items()}
        means, _ = self._means(streams, masks)
        return {n: self._answer(self.heads[n](h)) for n, h in means.items() if n in self.heads}

    def gates(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `modalities` (batch, streams): the mean over units of each stream's gate."""
        means, there = self._means(streams, masks)
        if self.config.student == FUSION:
            return {"modalities": self._open(means, there).mean(dim=2)}
        heard = [float(name == self.config.student) for name in means]
        return {"modalities": there * torch.tensor(heard, device=there.device)}

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return what the student hears: (batch, hidden), or (batch, dim) of a stream."""
        return self._vectors(*self._means(streams, masks))[self.config.student]

    def classify(self, fused: Tensor) -> Tensor:
        """Return the student's logits (batch, classes)."""
        return self.heads[self.config.student](fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the student's logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence (batch,) of log-probabilities (batch, classes), nats."""
    first, second = first.clamp_min(LEAST), second.clamp_min(LEAST)
    middle = torch.logaddexp(first, second) - math.log(2)
    parts = first.exp() * (first - middle) + second.exp() * (second - middle)
    return 0.5 * parts.sum(dim=1)


def _softmax(scores: Tensor, there: Tensor) -> Tensor:
    """Return the softmax over dim 1 of the scores that are there; zeros where none is."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~there, lowest).softmax(dim=1) * there


def _check(config: Amber2Config) -> None:
    if config.objective not in OBJECTIVES:
        raise ConfigError(f"no objective '{config.objective}'", hint=f"it is {OBJECTIVES}")
    if FUSION in config.dims or config.student not in (*config.dims, FUSION):
        raise ConfigError(
            f"student '{config.student}' of streams {', '.join(config.dims)}",
            hint=f"it is {FUSION} or a stream, and no stream is called {FUSION}",
        )
