"""What STARS is trained with: one-sided distances, balanced sampling, and monitors of collapse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli.models._recovery import Pair, Parts

TEMPERATURE = 0.1  # of the contrast between segments
SOFTNESS = 0.5  # of a match in regression: squared units of the target
HEALTHY_SPREAD = 0.02  # alarm below; a healthy one is about 1 / sqrt(dim)
HEALTHY_VARIANCE = 0.3  # alarm below: what is recovered says less than what it stands for


def apart(found: Tensor, wanted: Tensor) -> Tensor:
    """Return 1 - cosine + smooth L1 / 2 of layer-normed vectors (batch, time, dim): (batch, time).

    The length of `found` does not matter.
    """
    angle = 1 - functional.cosine_similarity(found, wanted, dim=2)
    size = found.shape[2:]
    left, right = functional.layer_norm(found, size), functional.layer_norm(wanted, size)
    return angle + 0.5 * functional.smooth_l1_loss(left, right, reduction="none").mean(dim=2)


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over what is there, (batch, time); zero where nothing is."""
    weights = mask.to(values)
    return (values * weights).sum() / weights.sum().clamp_min(1)


def first(values: Tensor, count: int) -> Tensor:
    """Return the first columns of logits or targets, all for 0; an undefined number is 0."""
    return (values[:, :count] if count and values.ndim == 2 else values).nan_to_num()


def binned(targets: Tensor, task: str) -> Tensor:
    """Return a class (records,) for each target: of regression the whole numbers from -3 to 3."""
    if task == "regression":
        first = targets.reshape(len(targets), -1)[:, 0]
        return first.clamp(-3, 3).round().long() + 3
    return targets if targets.ndim == 1 else targets.argmax(dim=1)


def accuracy(logits: Tensor, targets: Tensor, task: str) -> float:
    """Return the share of right answers; of regression minus the mean absolute error."""
    if len(targets) == 0:
        return 0.0
    if task == "regression":
        return -float((logits - targets.reshape(len(targets), -1)).abs().mean())
    return float((logits.argmax(dim=1) == binned(targets, task)).float().mean())


def draw(classes: Tensor, records: Tensor, count: int, *, balanced: bool) -> Tensor:
    """Return about `count` places of units; balanced, the same number of each class.

    `classes` and `records` (units,) say what a unit is and whose. Within a class all records are
    as likely, within a record all its units. A class with too few is taken whole and repeated. Not
    balanced, all units are as likely.
    """
    if not balanced:
        return torch.randperm(len(classes), device=classes.device)[:count]
    present = torch.bincount(classes).nonzero()[:, 0]
    share = max(1, count // len(present))
    drawn = []
    for one in present:
        places = (classes == one).nonzero()[:, 0]
        if len(places) <= share:
            drawn.append(places[torch.arange(share, device=places.device) % len(places)])
        else:
            chances = 1.0 / torch.bincount(records[places])[records[places]]
            drawn.append(places[torch.multinomial(chances, share)])
    return torch.cat(drawn)


def told(logits: Tensor, parts: Parts) -> Tensor:
    """Return the loss of telling the stream from logits (streams, batch, segments, streams)."""
    if not parts.there.any():
        return logits.new_zeros(())
    streams = torch.arange(len(parts.there), device=logits.device)[:, None, None]
    kinds = streams.expand(parts.there.shape)
    return functional.cross_entropy(logits[parts.there], kinds[parts.there])


def overlap(parts: Parts) -> Tensor:
    """Return the mean squared cosine of shared and specific parts."""
    if not parts.there.any():
        return parts.shared.new_zeros(())
    shared, specific = parts.shared[parts.there], parts.specific[parts.there]
    return (functional.cosine_similarity(shared, specific, dim=1) ** 2).mean()


def disagreement(found: Tensor, wanted: Tensor, task: str) -> Tensor:
    """Return KL(wanted, found) of two answers' logits; of regression their mean distance."""
    if task == "regression":
        return (found - wanted).abs().mean()
    log, target = found.log_softmax(dim=1), wanted.log_softmax(dim=1)
    return functional.kl_div(log, target, reduction="batchmean", log_target=True)


def segment_contrast(units: Tensor, kinds: Tensor, classes: Tensor, values: Tensor) -> Tensor:
    """Return the loss that draws units of one class together across streams.

    `units` (units, dim); `kinds` is the stream, `classes` the class of each. The other side of each
    pair never moves (no gradient). `values` weighs the matches exp(-(y_u - y_v)^2 / 0.5), for
    regression; where all are equal, as zeros are, they weigh one. Units without a match are left
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
    nothing = torch.finfo(scores.dtype).min
    matched = (scores + soft).masked_fill(~match, nothing)
    rest = scores.masked_fill(~(other & ~match), nothing)
    top = matched.logsumexp(dim=1)
    return (torch.logaddexp(top, rest.logsumexp(dim=1)) - top)[some].mean()


def psa(parts: Parts, project: nn.Module, targets: Tensor, config: Any) -> Tensor:
    """Return the contrast between projected segments of all streams, drawn from the classes.

    `config` says how many (`psa_units`), whether evenly (`psa_balanced`), and the `task`.
    """
    kinds, rows, _ = parts.there.nonzero(as_tuple=True)
    if len(rows) == 0:
        return parts.shared.new_zeros(())
    classes = binned(targets, config.task)[rows]
    drawn = draw(classes, rows, config.psa_units, balanced=config.psa_balanced)
    values = torch.zeros_like(rows, dtype=parts.shared.dtype)
    if config.task == "regression":
        values = targets.reshape(len(targets), -1)[rows, 0]
    units = project(parts.shared[parts.there][drawn])
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
    """Return the variance of what was recovered over that of the truth, both (units, dim)."""
    return float(recovered.var(dim=0).sum() / true.var(dim=0).sum().clamp_min(1e-12))


def monitors(parts: Parts, found: dict[Pair, Tensor]) -> dict[str, float]:
    """Return the figures that tell of a collapse, over the segments in which a pair is there.

    `shared_spread` (alarm below 0.02), `shared_rank`, and of what is recovered `recovered_rank` and
    `recovered_variance`, over that of the truth (alarm below 0.3).
    """
    shared = parts.shared[parts.there]
    pairs = [(i, j, parts.there[i] & parts.there[j]) for i, j in found]
    recovered = [(found[i, j][both], parts.specific[j][both]) for i, j, both in pairs]
    recovered = [(guess, true) for guess, true in recovered if len(guess) > 1]
    figures = {"shared_spread": spread(shared), "shared_rank": effective_rank(shared)}
    if recovered:
        count = len(recovered)
        ranks = sum(effective_rank(guess) for guess, _ in recovered)
        ratios = sum(variance_ratio(guess, true) for guess, true in recovered)
        figures |= {"recovered_rank": ranks / count, "recovered_variance": ratios / count}
    return figures
