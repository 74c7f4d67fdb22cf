"""The losses of training, by head.

Every loss is a mean over the records of a batch, so that the weight of a record does not depend on
the classes of the others. A record without a label for a head adds nothing to its loss.

For shares of labels (records, classes): `cross-entropy`, `kl` (the same minus the entropy of the
labels; Kullback and Leibler 1951, https://doi.org/10.1214/aoms/1177729694) and `js`, the
Jensen-Shannon divergence in nats (Lin 1991, https://doi.org/10.1109/18.61115), as in AmbER2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from emocli.bundles.heads import BLEND, CLASSES, SHARES, Head, split

Loss = Callable[[Tensor, Tensor], Tensor]  # of logits (records, columns) and targets

NAMES = ("cross-entropy", "kl", "js")
DEFAULTS = {CLASSES: "cross-entropy", SHARES: "js", BLEND: "kl"}  # BLEND: as BLEMORE's baseline


def of(heads: Sequence[Head], targets: Tensor, settings: Any) -> Loss:
    """Return the sum of the heads' losses; `targets` are the training targets, for class weights.

    `settings` is a state.Settings. With `balanced`, classes have the weights N / (C n); shares are
    never weighted, since that would distort them.
    """
    losses = [_of_head(head, targets, settings) for head in heads]
    if len(heads) == 1:
        return losses[0]

    def total(logits: Tensor, batch_targets: Tensor) -> Tensor:
        truth = split(heads, batch_targets)
        pairs = zip(split(heads, logits).values(), truth.values(), strict=True)
        return torch.stack([loss(*pair) for loss, pair in zip(losses, pairs, strict=True)]).sum()

    return total


def full(values: Tensor) -> Tensor:
    """Return numbers in float32 or better, because half precision loses small divergences."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def _of_head(head: Head, targets: Tensor, settings: Any) -> Loss:
    if not head.labels:
        return partial(numbers, squared=settings.squared)
    name = settings.loss or DEFAULTS[head.kind]
    if name != "cross-entropy":
        return partial({"kl": kl, "js": js}[name])
    weights = None
    if (
        settings.balanced and not settings.even and head.kind == CLASSES
    ):  # sampling balances already
        shares = targets if targets.ndim == 1 else targets[:, : head.size].nan_to_num()
        weights = class_weights(shares, head.size)
    return partial(cross_entropy, weights=weights, smoothing=settings.label_smoothing)


def class_weights(targets: Tensor, classes: int) -> Tensor:
    """Return N / (C n_c) per class, clipped to [0.25, 4]; 0 for a class without records.

    Targets are classes (records,), or shares of classes (records, classes).
    """
    shares = targets.ndim == 2
    counts = targets.sum(dim=0) if shares else torch.bincount(targets, minlength=classes).float()
    weights = (len(targets) / (classes * counts.clamp_min(1))).clamp(0.25, 4.0)
    return torch.where(counts > 0, weights, 0.0)


def cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Return the mean over records of sum_c w_c y_c (-log p_c); targets are classes or shares."""
    logits = full(logits)
    if weights is not None:
        weights = weights.to(logits)
    known, truth = _known(targets)
    each = functional.cross_entropy(
        logits[known], truth, weight=weights, label_smoothing=smoothing, reduction="none"
    )
    return each.sum() / max(1, len(targets))


def kl(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over records of KL(shares || answer), nats."""
    logits = full(logits)
    known, truth = _known(_shares(targets, logits))
    logs = logits[known].log_softmax(dim=1)
    return functional.kl_div(logs, truth, reduction="sum") / max(1, len(targets))


def js(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over records of the Jensen-Shannon divergence, nats, in [0, ln 2]."""
    logits = full(logits)
    known, truth = _known(_shares(targets, logits))
    logs = logits[known].log_softmax(dim=1)
    answer = logs.exp()
    middle = ((answer + truth) / 2).clamp_min(torch.finfo(answer.dtype).tiny).log()
    ours = (answer * (logs - middle)).sum()  # not kl_div: its gradient is infinite at 0
    theirs = functional.kl_div(middle, truth, reduction="sum")
    return (ours + theirs) / 2 / max(1, len(targets))


def numbers(answers: Tensor, targets: Tensor, squared: bool = False) -> Tensor:
    """Return the mean over records and numbers of the absolute, or squared, error."""
    answers, truth = full(answers), targets.reshape(len(targets), -1)
    known = truth.isfinite()
    error = functional.mse_loss if squared else functional.l1_loss
    return error(answers[known], truth[known], reduction="sum") / max(1, truth.numel())


def _shares(targets: Tensor, logits: Tensor) -> Tensor:
    if targets.ndim == 2:
        return targets
    return functional.one_hot(targets, logits.shape[1]).to(logits)


def _known(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return which records have a label for the head, and those labels."""
    if targets.ndim == 1:
        return torch.ones_like(targets, dtype=torch.bool), targets
    known = ~targets.isnan().any(dim=1)
    return known, targets[known]
