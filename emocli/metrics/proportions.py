"""Bounds of a share that nobody, or everybody, has: where resampling has nothing to vary.

C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
of the binomial", Biometrika 26(4), 1934, https://doi.org/10.1093/biomet/26.4.404. Of n that are
alike the bounds have a closed form: none of n gives 0 and 1 - 0.025^(1/n). Where the n count
unequally (speakers who speak more or less, seconds), n is their effective number, the square of the
sum of weights over the sum of their squares: L. Kish, "Survey Sampling", 1965.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.metrics.bootstrap import LEVEL

Floats = NDArray[np.float64]


def effective(weights: Floats) -> float:
    """Return Kish's effective number of what has these weights; 0.0 if all are 0.

    >>> effective(np.array([2.0, 2.0, 2.0])), effective(np.array([1.0, 0.0]))
    (3.0, 1.0)
    """
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def all_or_none(shares: Floats, weights: Floats) -> Floats:
    """Return the exact 95 % bounds (2, shares) of shares that are 0 or 1, NaN for the others.

    `weights` are those of the independent units that the shares are of. The share of a single
    unit has no bounds here either.
    """
    bounds = np.full((2, len(shares)), np.nan)
    units = effective(weights)
    if units <= 1:
        return bounds
    reach = ((1 - LEVEL / 100) / 2) ** (1 / units)
    bounds[:, shares == 0] = [[0.0], [1 - reach]]
    bounds[:, shares == 1] = [[reach], [1.0]]
    return bounds
