"""Figures of predicted distributions with intervals, and the tables that show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import agreement, bootstrap, distribution

RESAMPLES = 2000
# The 97.5th percentile of Student's t, by number of seeds.
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}
MEANS = ("bhattacharyya", "jsd_bits", "r2_per_record", "kl")
HEADS = ("BC", "JSD, bits", "R2 per record", "KL, nats", "R2 per emotion")

Floats = NDArray[np.float64]
Interval = tuple[float, float, float]  # the figure, and where its 95 % interval begins and ends


def intervals(sums: Floats, of: Callable[[Floats], Floats]) -> list[Interval]:
    """Return figures `of` sums (clusters, statistics), with intervals over clusters."""
    drawn = [of(block) for block in bootstrap.resampled(sums, RESAMPLES, seed=0)]
    values = np.concatenate(drawn)  # (resamples, figures)
    points = of(sums.sum(axis=0)[None])[0]
    return [(float(p), *bootstrap.interval(v)) for p, v in zip(points, values.T, strict=True)]


def figures(truth: Floats, predicted: Floats, clusters: Sequence[str]) -> list[Interval]:
    """Return the figures that HEADS names of distributions (records, classes)."""
    numbers, count = _numbers(clusters)
    each = distribution.each(truth, predicted)
    columns = [np.ones(len(truth)), *(each[name] for name in MEANS)]
    means = np.stack([np.bincount(numbers, column, count) for column in columns], axis=1)
    sums = np.concatenate([means, distribution.r2_sums(truth, predicted, numbers, count)], axis=1)

    def of(total: Floats) -> Floats:
        size = len(columns)
        r2 = distribution.r2_of(total[:, size:])
        return np.concatenate([total[:, 1:size] / total[:, :1], r2[:, None]], axis=1)

    return intervals(sums, of)


def difference(truth: Floats, one: Floats, other: Floats, clusters: Sequence[str]) -> Interval:
    """Return how much larger the JSD in bits of `one` is than that of `other`, paired."""
    numbers, count = _numbers(clusters)
    apart = distribution.divergences(truth, one) - distribution.divergences(truth, other)
    columns = (np.ones(len(apart)), apart / np.log(2))
    sums = np.stack([np.bincount(numbers, column, count) for column in columns], axis=1)
    return intervals(sums, lambda total: total[:, 1:] / total[:, :1])[0]


def agreed(votes: Floats, clusters: Sequence[str]) -> tuple[Interval, Interval]:
    """Return Fleiss' kappa and the mean entropy in bits of votes (records, classes)."""
    numbers, count = _numbers(clusters)
    sums = agreement.kappa_sums(votes, numbers, count)
    entropy = np.bincount(numbers, agreement.entropies(votes), count)
    kappa = intervals(sums, lambda total: agreement.kappa_of(total)[:, None])[0]
    both = np.stack([sums[:, 0], entropy], axis=1)
    return kappa, intervals(both, lambda total: total[:, 1:] / total[:, :1])[0]


def _numbers(clusters: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    _, numbers = np.unique(np.array(clusters), return_inverse=True)
    return bootstrap.clusters(numbers, seed=0)


def over_seeds(values: Sequence[float]) -> Interval:
    """Return the mean over seeds with the 95 % interval of Student's t."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return mean, float("nan"), float("nan")
    half = STUDENT[count] * float(np.std(values, ddof=1)) / np.sqrt(count)
    return mean, mean - half, mean + half


def shown(value: Interval, form: str = ".3f") -> str:
    """Return a figure and its interval as text; of a single seed there is none."""
    point, low, high = value
    if np.isnan(low):
        return f"{point:{form}}"
    return f"{point:{form}} [{low:{form}}, {high:{form}}]"


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; the first column is text."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def compared(
    truth: Floats, answers: dict[str, Floats], clusters: Sequence[str], reference: str
) -> str:
    """Return the table of all answers: figures, and the JSD less that of the reference."""
    rows = []
    for name, predicted in answers.items():
        cells = [shown(one) for one in figures(truth, predicted, clusters)]
        apart = difference(truth, predicted, answers[reference], clusters)
        rows.append([name, *cells, "" if name == reference else shown(apart, "+.4f")])
    return markdown(["", *HEADS, f"JSD less that of {reference}"], rows)
