"""AmbER2: experts for each stream and a fusion that learns from raters and from the experts.

For streams m with means over time h_m, y the shares of the raters' votes, JS in nats:

    g = sigmoid(W_g [h_A; h_T] + b),    h_AT = g * W_A h_A + (1 - g) * W_T h_T
    p_A, p_T, p_AT = softmax of a perceptron of two layers (ReLU) on each;  the student is s = p_AT
    L_RAI = JS(y || s),    L_MAI = sum over the experts m of u_m JS(s || p_m)
    D_m = JS(p_m || y),    u_m = exp(-kappa D_m) / sum of the same over the experts
    L = lambda_RAI L_RAI + lambda_MAI L_MAI + sum over the experts m of JS(y || p_m)

There is no code, and the paper gives neither the form of the gate nor what trains the experts. Our
choices:

1. The gate, above. For M streams g is a softmax over the streams present, in each unit; the
   last stream's score is 0, so that for two streams it is the formula.
2. The last term of L: without it nothing ties the experts to the raters.
3. In L_MAI the student follows, the experts do not: no gradient goes into p_m and u_m
   (`stop_gradient`). lambda_RAI is 1; the paper searches lambda_MAI in 0.3, 0.5, 0.7 and kappa in
   2, 4, 8 on validation data, and does not report the best: the middle ones here.
4. The expert of an absent stream has no part. Without a label: only L_MAI, with uniform u.
5. Numbers instead of classes: squared errors in place of JS.
6. `objective` "task" trains the same student by the task's loss alone, which is the paper's
   baseline; `student` may be a stream, and `uniform` makes u uniform (ablations).
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
from emocli.models._sequences import AllGather, Inputs, Task, identity, masked_mean

FUSION = "fusion"  # the head that reads all streams
OBJECTIVES = ("amber2", "task")
LEAST = -100.0  # log of the least probability: exp(-100) still is a float32

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
    kappa: float = 4.0  # per nat: how fast trust in an expert falls with D
    student: str = FUSION  # or a stream: then the fusion is among the experts
    uniform: bool = False
    stop_gradient: bool = True
    objective: str = "amber2"
    primary: int = 0  # how many of the columns are shares; 0 is all
    task: Task = "classification"


class Amber2(nn.Module):
    """A head for each stream and one for their gated sum."""

    takes_time = True
    averages = True  # only the mean over time of a sequence matters

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
        """Return h_m (batch, dim) of each stream, and which are present (batch, streams)."""
        inputs = self.inputs(streams, masks)
        present = torch.stack([mask.any(dim=1) for _, mask in inputs.values()], dim=1)
        return {name: masked_mean(*pair) for name, pair in inputs.items()}, present

    def _open(self, means: dict[str, Tensor], present: Tensor) -> Tensor:
        """Return g of each stream, (batch, streams, hidden), adding to one over those present."""
        scores = present.new_zeros((len(present), 1, self.config.hidden), dtype=torch.float32)
        if self.gate is not None:
            others = self.gate(torch.cat(list(means.values()), dim=1))
            scores = torch.cat([others.unflatten(1, (-1, self.config.hidden)), scores], dim=1)
        return _softmax(scores, present[..., None].expand_as(scores))

    def _vectors(self, means: dict[str, Tensor], present: Tensor) -> dict[str, Tensor]:
        """Return each head's input: (batch, dim) of a stream, (batch, hidden) of the fusion."""
        projected = torch.stack([self.project[name](means[name]) for name in means], dim=1)
        return {**means, FUSION: (self._open(means, present) * projected).sum(dim=1)}

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
        """Return the distance of two predictions, (batch,): JS in nats, or the squared error."""
        if self.config.task == "regression":
            return (first - second).square().mean(dim=1)
        return divergence(first, second)

    def trust(self, distances: Tensor, present: Tensor) -> Tensor:
        """Return u (batch, experts) of D (batch, experts), adding to one over those present."""
        kappa = 0.0 if self.config.uniform else self.config.kappa
        return _softmax(-kappa * distances, present)

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
        valid = dict(zip(means, present.T, strict=True)) | {FUSION: torch.ones_like(present[:, 0])}
        answers = {name: self._answer(values) for name, values in logits.items()}
        terms = self._terms(answers, valid, self._truth(targets))
        if config.primary in (0, config.classes):
            return terms
        others = targets.clone()
        others[:, : config.primary] = math.nan  # no label: that head has terms of its own
        return {**terms, "task": task_loss(logits[student], others)}

    def _terms(
        self, answers: dict[str, Tensor], valid: dict[str, Tensor], truth: Tensor
    ) -> dict[str, Tensor]:
        config, student = self.config, self.config.student
        to_truth = {  # D; 0 without a label
            name: self._distance(torch.where(truth.isnan(), answer, truth), answer) * valid[name]
            for name, answer in answers.items()
        }
        experts = [name for name in answers if name != student]
        distances = torch.stack([to_truth[name] for name in experts], dim=1)
        present = torch.stack([valid[name] for name in experts], dim=1)
        trust = self.trust(distances, present)
        others = {name: answers[name] for name in experts}
        if config.stop_gradient:
            trust, others = trust.detach(), {name: a.detach() for name, a in others.items()}
        gaps = torch.stack([self._distance(answers[student], a) for a in others.values()], dim=1)
        followed = (trust * gaps).sum(dim=1) * valid[student]
        return {
            "rater": config.rater * to_truth[student].mean(),
            "modality": config.modality * followed.mean(),
            "experts": distances.sum(dim=1).mean(),
        }

    def unimodal(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return each expert's prediction: log-probabilities (batch, primary), or numbers.

        The objective "task" trains no expert, so there are none then.
        """
        masks = masks or {n: torch.ones_like(v[..., 0]).bool() for n, v in streams.items()}
        means, _ = self._means(streams, masks)
        return {n: self._answer(self.heads[n](h)) for n, h in means.items() if n in self.heads}

    def gates(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `modalities` (batch, streams): the mean over units of each stream's gate."""
        means, present = self._means(streams, masks)
        if self.config.student == FUSION:
            return {"modalities": self._open(means, present).mean(dim=2)}
        is_student = [float(name == self.config.student) for name in means]
        return {"modalities": present * torch.tensor(is_student, device=present.device)}

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the student's input: (batch, hidden), or (batch, dim) of a stream."""
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


def _softmax(scores: Tensor, present: Tensor) -> Tensor:
    """Return the softmax over dim 1 of the scores present; zeros where none is."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~present, lowest).softmax(dim=1) * present


def _check(config: Amber2Config) -> None:
    if config.objective not in OBJECTIVES:
        raise ConfigError(f"unknown objective '{config.objective}'", hint=" or ".join(OBJECTIVES))
    if FUSION in config.dims or config.student not in (*config.dims, FUSION):
        raise ConfigError(
            f"unknown student '{config.student}' of streams {', '.join(config.dims)}",
            hint=f"the student is {FUSION} or a stream; no stream may be called {FUSION}",
        )
