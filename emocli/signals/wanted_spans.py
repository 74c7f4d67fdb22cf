"""Find the stretches of a recording that an analysis is wanted of, and leave out the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def wanted_spans(times: Array, wanted: Mask, margin_s: float) -> list[tuple[float, float]]:
    """Return (start, end) in seconds of what is wanted (times,), widened, joined where it touches.

    >>> times = np.arange(10) / 8
    >>> wanted_spans(times, (times == 0.25) | (times == 0.5) | (times == 1.0), 0.125)
    [(0.125, 0.625), (0.875, 1.125)]
    """
    edges = np.flatnonzero(np.diff(wanted.astype(int), prepend=0, append=0))
    found: list[tuple[float, float]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        start, end = float(times[first]) - margin_s, float(times[last - 1]) + margin_s
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found
