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

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST = 5000  # clusters that are resampled one by one
LEVEL = 95.0  # per cent
CELLS = 2_000_000  # numbers of a block of weights, 16 MB
REMEMBERED = 16  # sizes of groups whose draws are kept for the next group: at most 64 MB

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
    count = len(sums)
    if count * resamples <= CELLS:
        yield _drawn(count, resamples, seed) @ sums
        return
    random = np.random.default_rng([seed, 0])
    block = max(1, CELLS // max(1, count))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        weights = random.multinomial(count, np.full(count, 1 / count), size=size)
        yield weights @ sums


@functools.lru_cache(REMEMBERED)
def _drawn(count: int, resamples: int, seed: int) -> NDArray[np.integer]:
    """Return how often each cluster is drawn (resamples, clusters); groups of a size share them."""
    random = np.random.default_rng([seed, 0])
    drawn = random.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn.astype(np.uint16 if count < 2**16 else np.uint32)


def interval(values: Floats) -> tuple[float, float]:
    """Return the 2.5th and the 97.5th percentile of the values that are not NaN; else NaN, NaN."""
    values = values[~np.isnan(values)]
    if not values.size:
        return float("nan"), float("nan")
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def intervals(values: Floats) -> Floats:
    """Return `interval` of every column of values (resamples, columns), (2, columns)."""
    if np.isnan(values).any():
        return np.array([interval(column) for column in values.T], np.float64).reshape(-1, 2).T
    tail = (100 - LEVEL) / 2
    edges: Floats = np.percentile(values, [tail, 100 - tail], axis=0)
    return edges
