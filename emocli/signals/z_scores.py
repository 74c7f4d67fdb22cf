"""Standardise numbers: their distance from a mean in standard deviations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 1e-6  # a deviation below this is that of a constant


class Moments(NamedTuple):
    """Mean and standard deviation (dim,) of rows; of the population, i.e. divided by n."""

    mean: Floats
    deviation: Floats


def moments(pieces: Iterable[NDArray[np.floating]]) -> Moments:
    """Return the moments of all rows of pieces (rows, dim); at least one row must be finite.

    Rows with NaN or infinity do not count. Sums are of distances from the first row, so that a
    large mean costs no digits.
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


def z_scores(values: NDArray[np.floating], reference: Moments) -> NDArray[np.float32]:
    """Return values (..., dim) in deviations from the mean; 0 if the deviation is 0."""
    scale = np.where(reference.deviation < LEAST, np.inf, reference.deviation)
    return ((values - reference.mean) / scale).astype(np.float32)
