"""How much a picture of a face may say, between 0 and 1: not much if small, blurred or turned.

The net of expressions answers whatever it is shown, and calls a grey smear neutral. Our own
measure, plain on purpose; its bounds are where the answers about sharp faces changed when these
were made smaller or blurred (`LEAST_` counts nothing, `MOST_` fully).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.signals.faces import Picture

CELLS = 32  # of a side, on which roughness is measured
LEAST_PX, MOST_PX = 16, 32  # of the smaller side: at 24 half the answers were others, at 32 none
# Sharp faces have .27 to .8; blurred with a sigma of 2 % of their width .09 to .26 (the answer is
# the same), of 4 % .02 to .06 (it is not).
LEAST_DETAIL, MOST_DETAIL = 0.03, 0.1
LEAST_SCORE, MOST_SCORE = 0.5, 0.7  # where the detector begins; what all frontal faces have


def detail(picture: Picture) -> float:
    """Return how rough a face is: the mean square of second differences over the variance.

    Of the brightness on a grid of 32 x 32, or of its pixels where it has fewer; 0 for a picture of
    one colour. White noise has 6.
    """
    grey = np.asarray(picture, np.float64).mean(2)
    high, wide = (min(CELLS, side) for side in grey.shape)
    cells = _means(_means(grey, high).T, wide).T
    variance = cells.var()
    if min(high, wide) < 3 or variance < 1:
        return 0.0
    return float(sum(np.square(np.diff(cells, 2, axis)).mean() for axis in (0, 1)) / variance / 2)


def _means(rows: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return means of rows (height, width) in `count` groups of like size; few are repeated."""
    edges = np.linspace(0, len(rows), count + 1)
    starts = np.minimum(edges[:-1].astype(int), len(rows) - 1)
    ends = np.maximum(edges[1:].astype(int), starts + 1)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts)[:, None])


def weight(picture: Picture, score: float = 1.0) -> float:
    """Return how much a face (height, width, 3) counts, by size, detail and detector's score."""
    seen = _ramp(min(picture.shape[:2]), LEAST_PX, MOST_PX)
    seen *= _ramp(score, LEAST_SCORE, MOST_SCORE)
    return seen * _ramp(detail(picture), LEAST_DETAIL, MOST_DETAIL) if seen else 0.0


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
