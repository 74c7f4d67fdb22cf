"""Metrics of several labels per record: sets of emotions against sets, or against scores.

Tsoumakas and Katakis, "Multi-Label Classification: An Overview", International Journal of Data
Warehousing and Mining 3(3), 2007, https://doi.org/10.4018/jdwm.2007070101. Truth and prediction are
(records, classes), truth first.

Conventions, those of scikit-learn where it has one: a class that neither truth nor prediction have
is left out of macro F1, unless `absent=0.0` counts it as zero; average precision is the step sum
over thresholds of (recall gained) times precision, equal scores at once; a class without a
positive has no average precision and is left out of the mean. Where a record's truth and prediction
are both empty, its F1 and Jaccard index are 1 (`zero_division=1.0`): the prediction is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.metrics.determination import summed

__all__ = ["exact_match", "jaccard", "macro_f1", "mean_average_precision", "micro_f1", "samples_f1"]

BINS = 40  # of scores that a bootstrap resamples, per class: our choice

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]


def sums(truth: Bools, predicted: Bools, clusters: Indices, count: int) -> Floats:
    """Sum per cluster, (count, 4 + 3 classes): n, F1, Jaccard, exact; right, predicted, true."""
    truth, predicted = _pair(truth, predicted)
    both, either = (truth & predicted).sum(1), (truth | predicted).sum(1)
    sizes = truth.sum(1) + predicted.sum(1)
    f1 = np.divide(2 * both, sizes, out=np.ones(len(both)), where=sizes > 0)
    overlap = np.divide(both, either, out=np.ones(len(both)), where=either > 0)
    each = np.stack([np.ones(len(both)), f1, overlap, both == either], 1)
    return summed(np.concatenate([each, truth & predicted, predicted, truth], 1), clusters, count)


def figures(total: Floats, absent: float = np.nan) -> dict[str, Floats]:
    """Return every figure of sums (..., 4 + 3 classes) but the mean average precision."""
    classes = (total.shape[-1] - 4) // 3
    right, predicted, true = (
        total[..., 4 + i * classes : 4 + (i + 1) * classes] for i in range(3)
    )  # fmt: skip
    some = np.where(total[..., 0] > 0, total[..., 0], np.nan)
    f1 = class_f1(total)
    f1 = np.where(np.isnan(f1), absent, f1)
    defined = ~np.isnan(f1)
    return {
        "micro_f1": _ratio(2 * right.sum(-1), predicted.sum(-1) + true.sum(-1)),
        "macro_f1": _ratio(np.where(defined, f1, 0.0).sum(-1), defined.sum(-1)),
        "samples_f1": (total[..., 1] / some)[()],
        "jaccard": (total[..., 2] / some)[()],
        "exact_match": (total[..., 3] / some)[()],
    }


def class_f1(total: Floats) -> Floats:
    """Return F1 per class of sums, (..., classes); NaN where the class is absent."""
    right, predicted, true = np.split(total[..., 4:], 3, -1)
    return _ratio(2 * right, predicted + true)


def set_average_precisions(total: Floats) -> Floats:
    """Return the average precision of each class of sums, with 1 for predicted and 0 as scores.

    Where the predicted ones come first, at their precision, all the others follow at the share of
    positives: recall * precision + (1 - recall) * positives / records; NaN without a positive.
    """
    n = total[..., :1]
    right, predicted, true = np.split(total[..., 4:], 3, -1)
    recall = _ratio(right, true)
    precision = np.nan_to_num(_ratio(right, predicted))
    precisions: Floats = recall * precision + (1 - recall) * _ratio(true, n + 0 * true)
    return precisions


def micro_f1(truth: Bools, predicted: Bools) -> float:
    """Return F1 over all pairs of a record and a class, in [0, 1]; NaN without any label."""
    return _figure("micro_f1", truth, predicted)


def macro_f1(truth: Bools, predicted: Bools) -> float:
    """Return the mean F1 of the classes that occur, in [0, 1]; NaN where none does."""
    return _figure("macro_f1", truth, predicted)


def samples_f1(truth: Bools, predicted: Bools) -> float:
    """Return the mean F1 of the records' sets, in [0, 1]; NaN for no record."""
    return _figure("samples_f1", truth, predicted)


def jaccard(truth: Bools, predicted: Bools) -> float:
    """Return the mean of common labels over all labels of a record, in [0, 1]; NaN for none."""
    return _figure("jaccard", truth, predicted)


def exact_match(truth: Bools, predicted: Bools) -> float:
    """Return the share of records with exactly the true labels, in [0, 1]; NaN for no record."""
    return _figure("exact_match", truth, predicted)


def average_precisions(truth: Bools, scores: Floats) -> Floats:
    """Return each class's average precision, (classes,); NaN for a class without a positive."""
    truth, scores = _pair(truth, scores, np.float64)
    precisions = np.full(truth.shape[1], np.nan)
    for c, (positive, score) in enumerate(zip(truth.T, scores.T, strict=True)):
        values, place = np.unique(-score, return_inverse=True)
        counts = np.stack([np.bincount(place, w, len(values)) for w in (positive, ~positive)], -1)
        precisions[c] = precision_of(counts.astype(np.float64))
    return precisions


def mean_average_precision(truth: Bools, scores: Floats) -> float:
    """Return the mean average precision of the classes with a positive, in [0, 1]; NaN for none."""
    return float(mean_of(average_precisions(truth, scores)))


def score_edges(scores: Floats) -> Floats:
    """Return the edges of bins of equally many scores per class, (classes, BINS - 1), falling."""
    return -np.quantile(-scores, np.arange(1, BINS) / BINS, axis=0, method="lower").T


def score_sums(
    truth: Bools, scores: Floats, edges: Floats, clusters: Indices, count: int
) -> Floats:
    """Count per cluster positives and negatives by class and bin, (count, classes * BINS * 2)."""
    size = (edges.shape[1] + 1) * 2
    parts = []
    for positive, score, edge in zip(truth.T, scores.T, edges, strict=True):
        bins = np.searchsorted(-edge, -score, side="left")
        cell = clusters * size + bins * 2 + ~positive
        parts.append(np.bincount(cell, minlength=count * size).reshape(count, size))
    return np.concatenate(parts, 1).astype(np.float64)


def precision_of(counts: Floats) -> Floats:
    """Return average precision of counts (..., bins, 2) of positives and negatives, best first."""
    passed = counts.cumsum(-2)
    precision = _ratio(passed[..., 0], passed.sum(-1))
    positives = counts[..., 0].sum(-1)
    gained = np.where(counts[..., 0] > 0, precision * counts[..., 0], 0.0).sum(-1)
    return _ratio(gained, positives)


def mean_of(values: Floats) -> Floats:
    """Return the mean of the defined values over the last axis; NaN where all are NaN."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1))


def _figure(name: str, truth: Bools, predicted: Bools) -> float:
    truth, predicted = _pair(truth, predicted)
    total = sums(truth, predicted, np.zeros(len(truth), np.int64), 1)[0]
    return float(figures(total)[name])


def _pair(truth: Bools, predicted: NDArray, dtype: type = np.bool_) -> tuple[Bools, NDArray]:  # type: ignore[type-arg]
    truth, predicted = np.asarray(truth, np.bool_), np.asarray(predicted, dtype)
    if truth.ndim != 2 or truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction differ: {truth.shape} != {predicted.shape}")
    return truth, predicted


def _ratio(above: Floats, below: Floats) -> Floats:
    below = np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)[()]
