"""How far numbers are from their mean, in standard deviations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 1e-6  # a deviation below this is that of a number which does not change


class Moments(NamedTuple):
    """Mean and standard deviation (dim,) of rows; of the population, that is divided by n."""

    mean: Floats
    deviation: Floats


def moments(pieces: Iterable[NDArray[np.floating]]) -> Moments:
    """Return the moments of all rows of some pieces (rows, dim), of which one has a row.

    Rows with a number that is none do not count. Sums are of distances from the first row, so that
    a large mean costs no digits.
    """
    first, count, total, squares = None, 0, np.zeros(()), np.zeros(())
    for piece in pieces:
        rows = piece[np.isfinite(piece).all(axis=1)].astype(np.float64)
        if not len(rows):
            continue
        first = rows[0] if first is None else first
        away = rows - first
        count, total = count + len(rows), total + away.sum(axis=0)
        squares = squares + (away**2).sum(axis=0)
    assert first is not None
    mean = total / count
    return Moments(first + mean, np.sqrt((squares / count - mean**2).clip(min=0)))


def z_scores(values: NDArray[np.floating], own: Moments) -> NDArray[np.float32]:
    """Return values (..., dim) in deviations from the mean; 0 where they never change."""
    scale = np.where(own.deviation < LEAST, np.inf, own.deviation)
    return ((values - own.mean) / scale).astype(np.float32)
