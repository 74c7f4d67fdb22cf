"""All figures of a set of predictions, with intervals: what `score` and `train` print.

Everything is a function of sums over records, so the same code gives the figures of all records
and those of every resample of a bootstrap over clusters. The bins of the adaptive calibration error
are those of all records, in every resample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import bootstrap, calibration, classification

NAMES = (
    "accuracy",
    "uar",
    "uar_predicted",
    "weighted_f1",
    "macro_f1",
    "log_loss",
    "brier",
    "ece",
    "adaptive_ece",
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """Records as arrays: indices of the true and the predicted class, and probabilities.

    `probabilities` is (records, classes); a row of NaN stands for unknown ones and counts in no
    metric of probabilities. `confidence` of a record is its probability of the predicted class.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: Floats
    absent: float = np.nan  # the F1 of a class that neither truth nor prediction has

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.probabilities.shape[1])

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which records have probabilities."""
        known: NDArray[np.bool_] = ~np.isnan(np.einsum("rc->r", self.probabilities))
        return known

    @property
    def sure(self) -> tuple[NDArray[np.int64], Floats, NDArray[np.bool_]]:
        """Where probabilities are known, the confidence there, and whether it was right."""
        at = np.flatnonzero(self.known)
        confidence = np.minimum(self.probabilities[at, self.predicted[at]], 1.0)
        return at, confidence, self.truth[at] == self.predicted[at]


def sums(scored: Scored, clusters: NDArray[np.int64], count: int) -> Floats:
    """Sum per cluster (count, classes^2 + 3 + 2 bins): confusions, n, log loss, Brier, gaps."""
    classes = scored.classes
    cell = (clusters * classes + scored.truth) * classes + scored.predicted
    confusion = np.bincount(cell, minlength=count * classes * classes).reshape(count, -1)

    at, confidence, correct = scored.sure
    complete = len(at) == len(scored.truth)  # the common case needs no copy
    truth, probabilities = scored.truth, scored.probabilities
    truth, probabilities = (truth, probabilities) if complete else (truth[at], probabilities[at])
    at = clusters[at]
    columns = [
        np.ones(len(truth)),
        calibration.losses(truth, probabilities),
        calibration.squared_errors(truth, probabilities),
    ]
    means = np.stack([np.bincount(at, column, count) for column in columns], 1)
    gaps = [
        np.bincount(
            at * calibration.BINS + calibration.bins(confidence, edges),
            correct - confidence,
            count * calibration.BINS,
        ).reshape(count, -1)
        for edges in (calibration.EDGES, calibration.adaptive_edges(confidence))
    ]
    return np.concatenate([confusion, means, *gaps], 1)


def figures(total: Floats, classes: int, absent: float) -> dict[str, Floats]:
    """Return every metric of sums (..., statistics), one value per leading index."""
    cells, bins = classes * classes, calibration.BINS
    confusion = total[..., :cells].reshape(*total.shape[:-1], classes, classes)
    n, loss, error = (total[..., cells + i] for i in range(3))
    some = np.where(n > 0, n, np.nan)
    return {
        "accuracy": classification.accuracy(confusion),
        "uar": classification.uar(confusion),
        "uar_predicted": classification.uar_predicted(confusion),
        "weighted_f1": classification.weighted_f1(confusion),
        "macro_f1": classification.macro_f1(confusion, absent),
        "log_loss": loss / some,
        "brier": error / some,
        "ece": calibration.ece_of(total[..., cells + 3 : cells + 3 + bins], n),
        "adaptive_ece": calibration.ece_of(total[..., cells + 3 + bins : cells + 3 + 2 * bins], n),
    }


def points(scored: Scored) -> dict[str, float]:
    """Return every metric of all records; NaN where it is undefined."""
    total = sums(scored, np.zeros(len(scored.truth), np.int64), 1)[0]
    return {k: float(v) for k, v in figures(total, scored.classes, scored.absent).items()}


def intervals(
    scored: Scored, clusters: NDArray[np.int64], *, resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile interval of every metric over resampled clusters.

    NaN, NaN with fewer than two clusters, or without resamples.
    """
    numbers, count = bootstrap.clusters(clusters, seed)
    if count < 2 or resamples < 1:
        return dict.fromkeys(points(scored), (np.nan, np.nan))
    totals = bootstrap.resampled(sums(scored, numbers, count), resamples, seed)
    blocks = [figures(total, scored.classes, scored.absent) for total in totals]
    return {
        name: bootstrap.interval(np.concatenate([block[name] for block in blocks]))
        for name in blocks[0]
    }
