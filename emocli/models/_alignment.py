"""Losses of STARS: one-sided distances, class-balanced sampling, and monitors of collapse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli.models._recovery import Pair, Parts

TEMPERATURE = 0.1  # of the contrast between segments
SOFTNESS = 0.5  # of a match in regression: squared units of the target
HEALTHY_SPREAD = 0.02  # alarm below; a healthy one is about 1 / sqrt(dim)
HEALTHY_VARIANCE = 0.3  # alarm below: recovered parts vary less than the true ones


def distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Return 1 - cosine + smooth L1 / 2 of layer-normed vectors (batch, time, dim): (batch, time).

    The length of `predicted` does not matter.
    """
    angle = 1 - functional.cosine_similarity(predicted, target, dim=2)
    size = predicted.shape[2:]
    left, right = functional.layer_norm(predicted, size), functional.layer_norm(target, size)
    return angle + 0.5 * functional.smooth_l1_loss(left, right, reduction="none").mean(dim=2)


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the mask, (batch, time); zero where it is empty."""
    weights = mask.to(values)
    return (values * weights).sum() / weights.sum().clamp_min(1)


def first(values: Tensor, count: int) -> Tensor:
    """Return the first columns of logits or targets, all for 0; an undefined number is 0."""
    return (values[:, :count] if count and values.ndim == 2 else values).nan_to_num()


def binned(targets: Tensor, task: str) -> Tensor:
    """Return a class (records,) for each target: for regression the whole numbers from -3 to 3."""
    if task == "regression":
        first = targets.reshape(len(targets), -1)[:, 0]
        return first.clamp(-3, 3).round().long() + 3
    return targets if targets.ndim == 1 else targets.argmax(dim=1)


def accuracy(logits: Tensor, targets: Tensor, task: str) -> float:
    """Return the share of right predictions; for regression minus the mean absolute error."""
    if len(targets) == 0:
        return 0.0
    if task == "regression":
        return -float((logits - targets.reshape(len(targets), -1)).abs().mean())
    return float((logits.argmax(dim=1) == binned(targets, task)).float().mean())


def draw(classes: Tensor, records: Tensor, count: int, *, balanced: bool) -> Tensor:
    """Return indices of about `count` sampled units, class-balanced on request.

    `classes` and `records` (units,) are the class and the record of each unit. `balanced` draws the
    same number of each class: within a class all records are equally likely, within a record all
    its units; a class with too few units is taken whole and repeated. Otherwise all units are
    equally likely.
    """
    if not balanced:
        return torch.randperm(len(classes), device=classes.device)[:count]
    present = torch.bincount(classes).nonzero()[:, 0]
    share = max(1, count // len(present))
    drawn = []
    for label in present:
        places = (classes == label).nonzero()[:, 0]
        if len(places) <= share:
            drawn.append(places[torch.arange(share, device=places.device) % len(places)])
        else:
            chances = 1.0 / torch.bincount(records[places])[records[places]]
            drawn.append(places[torch.multinomial(chances, share)])
    return torch.cat(drawn)


def stream_loss(logits: Tensor, parts: Parts) -> Tensor:
    """Return the loss of classifying the stream, logits (streams, batch, segments, streams)."""
    if not parts.mask.any():
        return logits.new_zeros(())
    streams = torch.arange(len(parts.mask), device=logits.device)[:, None, None]
    kinds = streams.expand(parts.mask.shape)
    return functional.cross_entropy(logits[parts.mask], kinds[parts.mask])


def overlap(parts: Parts) -> Tensor:
    """Return the mean squared cosine of shared and specific parts."""
    if not parts.mask.any():
        return parts.shared.new_zeros(())
    shared, specific = parts.shared[parts.mask], parts.specific[parts.mask]
    return (functional.cosine_similarity(shared, specific, dim=1) ** 2).mean()


def disagreement(logits: Tensor, reference: Tensor, task: str) -> Tensor:
    """Return KL(reference || prediction) of logits; for regression the mean distance."""
    if task == "regression":
        return (logits - reference).abs().mean()
    log, expected = logits.log_softmax(dim=1), reference.log_softmax(dim=1)
    return functional.kl_div(log, expected, reduction="batchmean", log_target=True)


def segment_contrast(units: Tensor, kinds: Tensor, classes: Tensor, values: Tensor) -> Tensor:
    """Return the loss that draws units of one class together across streams.

    `units` (units, dim); `kinds` is the stream, `classes` the class of each. The other side of each
    pair gets no gradient. `values` weighs the matches exp(-(y_u - y_v)^2 / 0.5), for
    regression; equal values, such as zeros, weigh one. Units without a match are left
    out; zero where none has one.
    """
    units = functional.normalize(units, dim=1)
    scores = units @ units.detach().T / TEMPERATURE
    other = kinds[:, None] != kinds[None]
    match = other & (classes[:, None] == classes[None])
    some = match.any(dim=1)
    if not some.any():
        return units.new_zeros(())
    soft = -((values[:, None] - values[None]) ** 2) / SOFTNESS
    lowest = torch.finfo(scores.dtype).min
    matched = (scores + soft).masked_fill(~match, lowest)
    rest = scores.masked_fill(~(other & ~match), lowest)
    top = matched.logsumexp(dim=1)
    return (torch.logaddexp(top, rest.logsumexp(dim=1)) - top)[some].mean()


def psa(parts: Parts, project: nn.Module, targets: Tensor, config: Any) -> Tensor:
    """Return the contrast between projected segments of all streams, sampled from the classes.

    `config` has their number (`psa_units`), `psa_balanced` for class balance, and the `task`.
    """
    kinds, rows, _ = parts.mask.nonzero(as_tuple=True)
    if len(rows) == 0:
        return parts.shared.new_zeros(())
    classes = binned(targets, config.task)[rows]
    drawn = draw(classes, rows, config.psa_units, balanced=config.psa_balanced)
    values = torch.zeros_like(rows, dtype=parts.shared.dtype)
    if config.task == "regression":
        values = targets.reshape(len(targets), -1)[rows, 0]
    units = project(parts.shared[parts.mask][drawn])
    return segment_contrast(units, kinds[drawn], classes[drawn], values[drawn])


def spread(units: Tensor) -> float:
    """Return the mean over dimensions of the SD of the normalised units (units, dim)."""
    return float(functional.normalize(units, dim=1).std(dim=0).mean())


def effective_rank(units: Tensor) -> float:
    """Return exp of the entropy of the singular values of units (units, dim).

    Roy, O., Vetterli, M. (2007). The effective rank: a measure of effective dimensionality.
    EUSIPCO. https://ieeexplore.ieee.org/document/7098875
    """
    values = torch.linalg.svdvals(units.double())
    shares = values / values.sum().clamp_min(1e-12)
    return float(torch.exp(-(shares * shares.clamp_min(1e-12).log()).sum()))


def variance_ratio(recovered: Tensor, true: Tensor) -> float:
    """Return the variance of the recovered parts over that of the true ones, (units, dim)."""
    return float(recovered.var(dim=0).sum() / true.var(dim=0).sum().clamp_min(1e-12))


def monitors(parts: Parts, translations: dict[Pair, Tensor]) -> dict[str, float]:
    """Return figures that reveal a collapse, over the segments in which both streams are present.

    `shared_spread` (alarm below 0.02), `shared_rank`; of the recovered parts `recovered_rank` and
    `recovered_variance`, the latter relative to the true parts (alarm below 0.3).
    """
    shared = parts.shared[parts.mask]
    pairs = [(i, j, parts.mask[i] & parts.mask[j]) for i, j in translations]
    recovered = [(translations[i, j][both], parts.specific[j][both]) for i, j, both in pairs]
    recovered = [(guess, true) for guess, true in recovered if len(guess) > 1]
    figures = {"shared_spread": spread(shared), "shared_rank": effective_rank(shared)}
    if recovered:
        count = len(recovered)
        ranks = sum(effective_rank(guess) for guess, _ in recovered)
        ratios = sum(variance_ratio(guess, true) for guess, true in recovered)
        figures |= {"recovered_rank": ranks / count, "recovered_variance": ratios / count}
    return figures
