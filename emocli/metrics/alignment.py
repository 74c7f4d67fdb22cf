"""Compare synthetic votes with human votes, and find how many synthetic votes are enough.

After Zhang et al., "Scaling Ambiguity", ICASSP 2026, https://arxiv.org/abs/2601.14620, and its
code, https://github.com/WendaZhang08/scaling-ambiguity-SER: for n = 1, 2, ... draw n of a record's
synthetic votes without replacement, five times; the mean Jensen-Shannon divergence (bits) from
the human votes falls with n. f(n) = a - b exp(-c n) is fitted to the gain, max JS - JS, and the
curve is saturated at the first n where the fitted JS is within 10 % of its range from its
asymptote.

Votes drawn from the human distribution itself still diverge from it, by about
(classes - 1) / (8 n ln 2) bits: the curve falls as 1 / n at the end, slower than any exponential,
so the fitted asymptote lies above what more votes would reach. `r2` says how well the curve fits.

Our choices: a draw's votes for n are the first n of one shuffle, so that differences along n are
not noise between draws; the range is that from n = 1 to the asymptote; thirds of ambiguity are of
`agreement.relative_entropies` by rank, ties in the order given. Human votes are the only truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import distribution

DRAWS = 5  # Zhang et al. 2026
NEAR = 0.1  # of the range from the asymptote: saturated; Zhang et al. 2026
RATES = np.geomspace(1e-3, 10.0, 200)  # searched for c, per vote: our choice
GOLDEN = (math.sqrt(5) - 1) / 2
STEPS = 60  # of golden section: 1e-12 of the bracket

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Saturation:
    """f(n) = a - b exp(-c n), the gain of n votes, bits; NaN where no curve can be fitted."""

    a: float
    b: float
    c: float

    def gains(self, n: Floats) -> Floats:
        """Return f(n)."""
        values: Floats = self.a - self.b * np.exp(-self.c * np.asarray(n, np.float64))
        return values

    @property
    def votes(self) -> int | None:
        """The first n close enough to the asymptote; None where the curve does not rise."""
        if not (self.b > 0 and self.c > 0):
            return None
        return 1 + math.ceil(-math.log(NEAR) / self.c - 1e-9)  # exp(-c (n - 1)) <= 10 %


def by_votes(truth: Floats, counts: NDArray[np.int64], limit: int, seed: int) -> Floats:
    """Return each record's divergence with n = 1 ... `limit` of its votes, bits, (records, limit).

    truth (records, classes) adds to one; counts (records, classes) are synthetic votes, at least
    `limit` a record, else ValueError. The result is the mean of five draws.
    """
    truth, counts = np.asarray(truth, np.float64), np.asarray(counts, np.int64)
    records, classes = counts.shape
    if not records:
        return np.zeros((0, limit))
    if counts.sum(1).min() < limit:
        row = int((counts.sum(1) < limit).argmax())
        raise ValueError(f"votes {row} are fewer than {limit}: {counts[row].tolist()}")
    random = np.random.default_rng(seed)
    votes = _votes(counts)
    total = np.zeros((records, limit))
    for _ in range(DRAWS):
        order = np.where(votes < 0, np.inf, random.random(votes.shape)).argsort(1)[:, :limit]
        shuffled = np.take_along_axis(votes, order, 1)
        drawn = np.zeros((records, classes))
        for n in range(limit):
            drawn[np.arange(records), shuffled[:, n]] += 1
            total[:, n] += distribution.divergences(truth, drawn / (n + 1))
    return total / (DRAWS * math.log(2.0))


def _votes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class of every vote (records, most votes), -1 after the last of a record."""
    totals = counts.sum(1)
    votes = np.full((len(counts), int(totals.max(initial=0))), -1)
    mask = np.arange(votes.shape[1]) < totals[:, None]
    classes = np.tile(np.arange(counts.shape[1]), len(counts))
    votes[mask] = np.repeat(classes, counts.ravel())
    return votes


def saturation(divergences: Floats) -> Saturation:
    """Fit the curve to mean divergences (limit,) with 1, 2, ... votes; NaN of fewer than four.

    For every c the best a and b are least squares; c is the best of a grid, then narrowed down by
    golden section between its neighbours.
    """
    divergences = np.asarray(divergences, np.float64)
    if len(divergences) < 4 or np.ptp(divergences) < 1e-12:
        return Saturation(math.nan, math.nan, math.nan)
    gained = divergences.max() - divergences
    errors = [_fit(gained, c)[2] for c in RATES]
    best = int(np.argmin(errors))
    low, high = np.log(RATES[max(best - 1, 0)]), np.log(RATES[min(best + 1, len(RATES) - 1)])
    for _ in range(STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _fit(gained, math.exp(left))[2] <= _fit(gained, math.exp(right))[2]:
            high = right
        else:
            low = left
    c = math.exp((low + high) / 2)
    a, b, _ = _fit(gained, c)
    return Saturation(a, b, c)


def r2(fit: Saturation, divergences: Floats) -> float:
    """Return how much of the curve (limit,) the fit explains: 1 - SSE / SST, at most 1."""
    divergences = np.asarray(divergences, np.float64)
    gained: Floats = divergences.max() - divergences
    missed = gained - fit.gains(np.arange(1.0, len(gained) + 1))
    spread = float(((gained - gained.mean()) ** 2).sum())
    return 1 - float((missed**2).sum()) / spread if spread else math.nan


def _fit(gained: Floats, c: float) -> tuple[float, float, float]:
    """Return a, b and the squared error of a - b exp(-c n) at a given c."""
    decay = np.exp(-c * np.arange(1, len(gained) + 1))
    x, y = decay - decay.mean(), gained - gained.mean()
    b = -float(x @ y) / float(x @ x)
    a = float(gained.mean()) + b * float(decay.mean())
    return a, b, float(((y + b * x) ** 2).sum())


def thirds(ambiguity: Floats) -> NDArray[np.int64]:
    """Return 0, 1 or 2 for each record: the low, middle and high third by rank.

    As Zhang et al. cut them: n // 3 records, n // 3 records, and the rest, so that of one or two
    records all are in the high third.
    """
    ranks = np.argsort(np.argsort(ambiguity, kind="stable"), kind="stable")
    size = len(ranks) // 3
    return np.minimum(ranks // size, 2) if size else np.full(len(ranks), 2)
