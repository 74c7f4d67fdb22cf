"""Metrics of ratings: valence, arousal, dominance, and any other number.

Concordance correlation coefficient: Lin, "A Concordance Correlation Coefficient to Evaluate
Reproducibility", Biometrics 45(1), 1989, https://doi.org/10.2307/2532051:
2 cov(y, p) / (var(y) + var(p) + (mean y - mean p)^2), with biased moments (divided by n), as in the
challenges of the field (AVEC, MuSe); the unbiased form differs by about 1/n.

Errors are in the unit of the ratings. All of them are functions of sums over records.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ccc", "mae", "pearson", "rmse"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FLAT = 1e-12  # a variance below this share of the mean square is rounding


def sums(truth: Floats, predicted: Floats, clusters: Indices, count: int) -> Floats:
    """Sum per cluster, (count, 9): n, y, p, y^2, p^2, y p, y - p, |y - p|, (y - p)^2.

    In y and p the first value is subtracted: moments keep their digits, and a constant has a
    variance of exactly zero.
    Raises ValueError with both lengths, or naming the first record that is not finite.
    """
    truth, predicted = checked(truth, predicted)
    y, p, gap = truth - truth[:1], predicted - predicted[:1], truth - predicted
    columns = (np.ones_like(y), y, p, y * y, p * p, y * p, gap, np.abs(gap), gap * gap)
    return np.stack([np.bincount(clusters, column, count) for column in columns], 1)


def figures(total: Floats) -> dict[str, Floats]:
    """Return every metric of sums (..., 9), one value per leading index."""
    some = np.where(total[..., 0] > 0, total[..., 0], np.nan)
    y, p, yy, pp, yp, gap, absolute, squared = (total[..., i] / some for i in range(1, 9))
    y_spread, p_spread, both = _spread(yy, y), _spread(pp, p), yp - y * p
    return {
        "ccc": _ratio(2 * both, y_spread + p_spread + gap**2),
        "pearson": _correlation(both, y_spread, p_spread),
        "mae": absolute,
        "rmse": np.sqrt(squared),
    }


def ccc(truth: Floats, predicted: Floats) -> float:
    """Return the concordance correlation coefficient, in [-1, 1].

    0 where one of the two is constant; NaN for no record, or where both are the same constant.
    So it is of a single pair, which says nothing about concordance: 0 only follows from the
    formula, where the two differ, and with moments divided by n - 1 it would be 0 / 0.
    """
    return _figure("ccc", truth, predicted)


def pearson(truth: Floats, predicted: Floats) -> float:
    """Return Pearson's correlation, in [-1, 1]; NaN where either is constant, or for no record.

    It ignores offset and scale, which `ccc` does not.
    """
    return _figure("pearson", truth, predicted)


def mae(truth: Floats, predicted: Floats) -> float:
    """Return the mean absolute error, in the unit of the ratings; NaN for no record."""
    return _figure("mae", truth, predicted)


def rmse(truth: Floats, predicted: Floats) -> float:
    """Return the root of the mean squared error, in the unit of the ratings; NaN for no record."""
    return _figure("rmse", truth, predicted)


def _figure(name: str, truth: Floats, predicted: Floats) -> float:
    total = sums(truth, predicted, np.zeros(np.shape(truth), np.int64), 1)[0]
    return float(figures(total)[name])


def checked(truth: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Return both as arrays (records,), or raise ValueError as `sums` says."""
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction differ: {truth.shape} != {predicted.shape}")
    for name, values in (("truth", truth), ("prediction", predicted)):
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise ValueError(f"{name} {row} is not finite: {values[row]}")
    return truth, predicted


def _spread(mean_square: Floats, mean: Floats) -> Floats:
    """Return the biased variance, or zero where it is only rounding."""
    spread = mean_square - mean**2
    return np.where(spread > FLAT * mean_square, spread, 0.0)


def _correlation(both: Floats, y_spread: Floats, p_spread: Floats) -> Floats:
    value = _ratio(both, np.sqrt(y_spread) * np.sqrt(p_spread))
    return np.clip(value, -1, 1)


def _ratio(above: Floats, below: Floats) -> Floats:
    below = np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)[()]
