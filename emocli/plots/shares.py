"""Shares over time: means of what overlaps, between times that may be any."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def edges(starts: Floats, ends: Floats, first: float, last: float, most: int) -> Floats:
    """Return the times between which nothing changes, or `most` even ones if there are more."""
    times = np.unique(np.concatenate([starts, ends, [first, last]]).clip(first, last))
    return times if len(times) <= most else np.linspace(first, last, most)


def mean(starts: Floats, ends: Floats, values: Floats, times: Floats) -> Floats:
    """Return the mean of values (spans, columns) between times, (times - 1, columns).

    Each span counts by how long it lies there; NaN where none does. The integral over time is
    linear between the starts and ends of the spans, so it is exact.
    """
    columns = np.column_stack([np.ones(len(values)), values])
    moments = np.concatenate([starts, ends])
    slopes = np.concatenate([columns, -columns])
    order = np.argsort(moments, kind="stable")
    moments, height = moments[order], np.cumsum(slopes[order], 0)
    area = np.zeros_like(height)
    area[1:] = np.cumsum(height[:-1] * np.diff(moments)[:, None], 0)
    between = np.diff([np.interp(times, moments, column) for column in area.T], axis=1)
    covered = between[0] > 1e-6 * np.diff(times)  # rounding leaves next to nothing in gaps
    means: Floats = np.full((len(times) - 1, values.shape[1]), np.nan)
    means[covered] = (between[1:, covered] / between[0, covered]).T.clip(0)
    return means
