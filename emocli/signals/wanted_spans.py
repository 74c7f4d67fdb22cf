"""Find the spans of a recording that an analysis needs, and leave out the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def wanted_spans(times: Array, mask: Mask, margin_s: float) -> list[tuple[float, float]]:
    """Return spans (start, end) in seconds of a mask (times,), widened by a margin and merged.

    >>> times = np.arange(10) / 8
    >>> wanted_spans(times, (times == 0.25) | (times == 0.5) | (times == 1.0), 0.125)
    [(0.125, 0.625), (0.875, 1.125)]
    """
    edges = np.flatnonzero(np.diff(mask.astype(int), prepend=0, append=0))
    spans: list[tuple[float, float]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        start, end = float(times[first]) - margin_s, float(times[last - 1]) + margin_s
        if spans and start <= spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans
