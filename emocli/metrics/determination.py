"""The coefficient of determination, R2, of several columns, from additive sums over records.

1 - SSE / SST over records, as scikit-learn's `r2_score` (https://scikit-learn.org/stable/modules/
generated/sklearn.metrics.r2_score.html): a column whose truth never changes counts as 1 when it is
predicted exactly, else as 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROWS = 2048  # of a block: temporary arrays stay in the cache

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def r2_sums(truth: Floats, predicted: Floats, clusters: Indices, count: int) -> Floats:
    """Return sums per cluster for `r2_of`, (count, 1 + 3 classes): n, y, y^2, (y - prediction)^2.

    y is relative to the first record's, so that a share that never changes is exactly zero.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    first = truth[:1]
    total = np.zeros((count, 1 + 3 * truth.shape[1]))
    size = max(ROWS, count)  # adding up totals costs no more than the rows do
    for at in range(0, len(truth), size):
        rows = slice(at, at + size)
        y, errors = truth[rows] - first, (truth[rows] - predicted[rows]) ** 2
        ones = np.ones((len(y), 1))
        total += summed(np.concatenate([ones, y, y * y, errors], 1), clusters[rows], count)
    return total


def summed(columns: Floats, clusters: Indices, count: int) -> Floats:
    """Sum the rows of columns (records, statistics) per cluster, (count, statistics)."""
    if count == 1:
        return np.einsum("rs->s", columns)[None]
    return np.stack([np.bincount(clusters, column, count) for column in columns.T], 1)


def r2_of(total: Floats) -> Floats:
    """Return `r2_per_emotion` of sums (..., 1 + 3 classes); NaN where there are fewer than two."""
    classes = (total.shape[-1] - 1) // 3
    n = total[..., :1]
    y, squares, errors = (total[..., 1 + i * classes : 1 + (i + 1) * classes] for i in range(3))
    spread = squares - y**2 / np.maximum(n, 1)
    steady = spread <= 1e-12 * squares  # constant but for rounding
    ratio = np.divide(errors, spread, out=np.ones_like(errors), where=~steady)
    r2 = np.where(steady & (errors == 0), 1.0, 1 - ratio).mean(-1)
    return np.where(n[..., 0] < 2, np.nan, r2)[()]
