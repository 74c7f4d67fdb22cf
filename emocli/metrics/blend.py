"""Blends of two emotions: the two accuracies of BLEMORE, and rules that decode probabilities.

Lachmann, Israelsson, Tornberg, Saghinadze, Balazia, Müller and Laukka, "Not all Blends are Equal:
The BLEMORE Dataset of Blended Emotion Expressions with Relative Salience Annotations", 2026,
https://arxiv.org/abs/2601.13225; behaviour read from its code,
https://github.com/BlEmoRe/blemore-common

A row of saliences, (records, classes), says how many per cent each emotion contributes: 100 for
one emotion, and 50/50, 70/30 or 30/70 for two; an emotion is present if its salience is above zero.

- `presence`: the share of all records with the same emotions present, saliences ignored.
- `salience`: the share, of the records whose truth is a blend, where exactly the same two emotions
  are present and each salience, rounded to whole per cent (half to even), is the true one.
The challenge score is the mean of the two. Without any blend the published code returns 0 for
`salience`; here it is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["presence", "salience"]

SUM_TOLERANCE = 1.0  # per cent from 100 that a sum may be off (33 + 33 + 33): our choice
SPLITS = ((50, 50), (70, 30), (30, 70))  # per cent, of the two emotions of a blend
GRID = np.linspace(0.05, 0.95, 20)  # of both thresholds, as published

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def saliences(rows: Floats, name: str = "blend") -> Floats:
    """Return rows of saliences in per cent, (records, classes).

    Raises ValueError naming the first row that is not finite, negative or does not add to 100.
    """
    rows = np.asarray(rows, np.float64)
    if rows.ndim != 2:
        raise ValueError(f"{name} has the shape {rows.shape}, not (records, classes)")
    bad = ~(np.abs(rows.sum(1) - 100) <= SUM_TOLERANCE) | (rows < 0).any(1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name} {row} is not positive shares adding to 100 %: {rows[row].tolist()}"
        )
    return rows


def presence_hits(truth: Floats, predicted: Floats) -> NDArray[np.bool_]:
    """Return which records have exactly the true emotions, (records,)."""
    truth, predicted = _pair(truth, predicted)
    hits: NDArray[np.bool_] = np.all((truth > 0) == (predicted > 0), axis=1)
    return hits


def salience_hits(truth: Floats, predicted: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which true blends are predicted with their saliences, and which records are blends."""
    truth, predicted = _pair(truth, predicted)
    blends = (truth > 0).sum(1) == 2
    same = np.all(np.rint(truth) == np.rint(predicted), axis=1)
    return blends & same & presence_hits(truth, predicted), blends


def presence(truth: Floats, predicted: Floats) -> float:
    """Return ACC_presence, in [0, 1]; NaN for no record."""
    hits = presence_hits(truth, predicted)
    return float(hits.mean()) if hits.size else float("nan")


def salience(truth: Floats, predicted: Floats) -> float:
    """Return ACC_salience, in [0, 1]; NaN where no truth is a blend."""
    hits, blends = salience_hits(truth, predicted)
    return float(hits.sum() / blends.sum()) if blends.any() else float("nan")


def sums(truth: Floats, predicted: Floats, clusters: Indices, count: int) -> Floats:
    """Count per cluster, (count, 4): records, present, blends, blends with right saliences."""
    hits, blends = salience_hits(truth, predicted)
    columns = (np.ones(len(hits)), presence_hits(truth, predicted), blends, hits)
    return np.stack([np.bincount(clusters, column, count) for column in columns], 1)


def figures(total: Floats) -> dict[str, Floats]:
    """Return presence, salience and their mean, `blend_score`, of sums (..., 4)."""
    records, present, blends, right = (total[..., i] for i in range(4))
    presence_share = (present / np.where(records > 0, records, np.nan))[()]
    salience_share = (right / np.where(blends > 0, blends, np.nan))[()]
    return {
        "presence": presence_share,
        "salience": salience_share,
        "blend_score": (presence_share + salience_share) / 2,
    }


def decode(probabilities: Floats, alpha: float, beta: float, neutral: int | None) -> Floats:
    """Return the saliences that the published rules decode from probabilities (records, classes).

    Only the two largest count. The result is the larger emotion if either of them is below `alpha`,
    if the second is zero, or if one of them is `neutral`; else a blend, 50/50 if they differ by at
    most `beta`, otherwise 70 for the larger and 30. Of equal probabilities the first class counts
    as larger, and neutral (None: no such class) as the smallest, at any position (in the published
    order it is the last).
    """
    (first, second), (top, runner_up), single_only = _largest(probabilities, neutral)
    rows, single, equal = (
        np.arange(len(top)),
        single_only | (runner_up < alpha),
        top - runner_up <= beta,
    )
    result = np.zeros(np.shape(probabilities))
    result[rows, first] = np.where(single, 100, np.where(equal, 50, 70))
    result[rows[~single], second[~single]] = np.where(equal, 50, 30)[~single]
    return result


def _largest(
    probabilities: Floats, neutral: int | None
) -> tuple[Indices, Floats, NDArray[np.bool_]]:
    """Return places and values (2, records) of the two largest, and which records are no blend."""
    probabilities = np.asarray(probabilities, np.float64)
    without = -1 if neutral is None else neutral
    others = [c for c in range(probabilities.shape[1]) if c != neutral]
    places = np.array(others if neutral is None else [*others, neutral])
    order = places[np.argsort(-probabilities[:, places], axis=1, kind="stable")[:, :2]]
    values = np.take_along_axis(probabilities, order, axis=1)
    return order.T, values.T, (values[:, 1] <= 0) | (order == without).any(1)


def threshold_scores(truth: Floats, probabilities: Floats, neutral: int | None) -> Floats:
    """Return presence + salience of every alpha and beta of the published grid, (20, 20)."""
    truth, probabilities = _pair(truth, probabilities)
    present_mask, rows = truth > 0, np.arange(len(truth))
    places, (top, runner_up), single_only = _largest(probabilities, neutral)
    first, second = np.rint(truth[rows, places])
    single = (present_mask.sum(1) == 1) & (first > 0)
    pair = (present_mask.sum(1) == 2) & (first > 0) & (second > 0)
    blend = ~single_only & (runner_up >= GRID[:, None])  # (alphas, records)
    equal = top - runner_up <= GRID[:, None]  # (betas, records)
    right = np.where(equal, pair & (first == 50) & (second == 50), pair & (first == 70))
    present = np.where(blend, pair, single).sum(1)
    blends = max(int((present_mask.sum(1) == 2).sum()), 1)
    salient = blend.astype(np.float64) @ right.T.astype(np.float64)
    return present[:, None] / max(len(truth), 1) + salient / blends


def thresholds(truth: Floats, probabilities: Floats, neutral: int | None) -> tuple[float, float]:
    """Return the alpha and beta of the published grid with the best (presence + salience) / 2.

    The first of equal ones, alpha before beta. Scores are too high on the records that the
    thresholds were chosen on: choose on others.
    """
    best = int(threshold_scores(truth, probabilities, neutral).argmax())
    return float(GRID[best // len(GRID)]), float(GRID[best % len(GRID)])


def answers(classes: int, neutral: int | None) -> Floats:
    """Return every valid answer, (answers, classes): each emotion, then each blend of two.

    Neutral is never part of a blend: 36 answers for six classes.
    """
    blends = []
    for a in range(classes):
        for b in range(a + 1, classes):
            for split in SPLITS if neutral not in (a, b) else ():
                row = np.zeros(classes)
                row[[a, b]] = split
                blends.append(row)
    return np.concatenate([100 * np.eye(classes), np.array(blends).reshape(-1, classes)])


def posteriors(
    probabilities: Floats, prior: Floats, sharpness: float, neutral: int | None
) -> Floats:
    """Return how likely each of the `answers` is, (records, answers). Our design.

    Proportional to prior * exp(-sharpness * KL(answer || probabilities)), in nats: a network that
    was trained to minimise this divergence puts the true answer near the least.
    """
    return weighed(closeness(probabilities, neutral), prior, sharpness)


def closeness(probabilities: Floats, neutral: int | None) -> Floats:
    """Return -KL(answer || probabilities) in nats for each of the `answers`, (records, answers)."""
    probabilities = np.maximum(np.asarray(probabilities, np.float64), np.finfo(np.float64).eps)
    valid = answers(probabilities.shape[1], neutral) / 100
    negative_entropies = (valid * np.log(np.where(valid > 0, valid, 1.0))).sum(1)
    near: Floats = np.log(probabilities) @ valid.T - negative_entropies
    return near


def weighed(near: Floats, prior: Floats, sharpness: float) -> Floats:
    """Return prior * exp(sharpness * near) of each row, adding to one, (records, answers)."""
    score = sharpness * near + np.log(np.maximum(prior, np.finfo(np.float64).tiny))
    likely = np.exp(score - score.max(1, keepdims=True))
    return likely / likely.sum(1, keepdims=True)


def decode_expected(
    posterior: Floats, classes: int, neutral: int | None, share: float | None = None
) -> Floats:
    """Return the answers of the greatest expected score, as saliences (records, classes).

    Our design. With the posterior (records, answers) a record adds P(same emotions) to presence,
    and P(same answer) over the share of blends to salience where the answer is a blend; the `share`
    of blends is that of the posterior over all records where it is not given.
    """
    valid = answers(classes, neutral)
    blends = (valid > 0).sum(1) == 2
    alike = ((valid > 0)[:, None] == (valid > 0)[None]).all(2).astype(np.float64)
    if share is None:
        share = float(posterior[:, blends].sum(1).mean())
    share = max(share, np.finfo(np.float64).tiny)
    return valid[(posterior @ alike + posterior * blends / share).argmax(1)]


def _pair(truth: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.ndim != 2 or truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction differ: {truth.shape} != {predicted.shape}")
    return truth, predicted
