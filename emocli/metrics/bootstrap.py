"""Intervals: the percentile bootstrap over clusters.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13,
https://doi.org/10.1201/9780429246593; resampling whole clusters (speakers) after Field and Welsh,
"Bootstrapping clustered data", JRSS B 69(3), 2007,
https://doi.org/10.1111/j.1467-9868.2007.00593.x, because the records of one speaker resemble each
other and an interval over records is too narrow.

Statistics that add up over records are summed per cluster first, so a resample costs a product of
matrices however many records there are. Above `MOST` clusters (our choice) they are put into `MOST`
groups at random: the groups are as independent as their members, so the width stays right.
With few clusters (fewer than ten speakers, say) percentile intervals are too narrow: report their
number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST = 5000  # clusters that are resampled one by one
LEVEL = 95.0  # per cent
CELLS = 2_000_000  # numbers of a block of weights, 16 MB

Floats = NDArray[np.float64]


def clusters(labels: NDArray[np.integer], seed: int) -> tuple[NDArray[np.int64], int]:
    """Return each record's cluster, numbered from 0 and at most `MOST`, and how many there are."""
    _, numbers = np.unique(labels, return_inverse=True)
    count = int(numbers.max()) + 1 if numbers.size else 0
    if count <= MOST:
        return numbers, count
    group = np.random.default_rng([seed, 1]).permutation(count) % MOST
    return group[numbers], MOST


def resampled(sums: Floats, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield blocks (block, statistics) of sums (clusters, statistics) over resampled clusters.

    Each of the `resamples` rows is as many clusters as there are, drawn with replacement.
    """
    random = np.random.default_rng([seed, 0])
    count = len(sums)
    block = max(1, CELLS // max(1, count))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        weights = random.multinomial(count, np.full(count, 1 / count), size=size)
        yield weights @ sums


def interval(values: Floats) -> tuple[float, float]:
    """Return the 2.5th and the 97.5th percentile of the values that are not NaN; else NaN, NaN."""
    values = values[~np.isnan(values)]
    if not values.size:
        return float("nan"), float("nan")
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
