"""The figures of a group of `summarize`: counts, shares, means, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import bootstrap, proportions
from emocli.records import Record
from emocli.scoring.summary_options import DURATION, SummaryOptions

FEW_CLUSTERS = 10  # with fewer, percentile intervals are too narrow

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Predictions or labels as arrays: names of emotions, and what each of the records says.

    `label` (records,) is the place of the emotion among the names, -1 for none; `shares`
    (records, names) are probabilities, of those records that have some; `numbers` (records,) are
    NaN where a record has none; `weight` (records,) is 1, or seconds.
    """

    names: list[str]
    label: Indices
    shares: Floats
    has_shares: NDArray[np.bool_]
    numbers: dict[str, Floats]
    weight: Floats

    def sums(self, at: Indices, clusters: Indices, count: int) -> Floats:
        """Return the weighted sums (count, statistics) of the records at some places by cluster.

        The statistics are the weight of those with an emotion, of each emotion, of those with
        probabilities, of the probabilities, and of each number twice: its weight and its sum.
        """
        weight, label = self.weight[at], self.label[at]
        kinds = len(self.names)
        answered = label >= 0
        hot = np.bincount(
            clusters[answered] * kinds + label[answered], weight[answered], count * kinds
        ).reshape(count, kinds)
        with_shares = weight * self.has_shares[at]
        columns = [hot.sum(1), *hot.T, np.bincount(clusters, with_shares, count)]
        columns += [
            np.bincount(clusters, with_shares * shares, count) for shares in self.shares[at].T
        ]
        for values in self.numbers.values():
            known = np.where(np.isnan(values[at]), 0.0, weight)
            filled = np.nan_to_num(values[at])
            columns += [np.bincount(clusters, v, count) for v in (known, known * filled)]
        return np.stack(columns, 1).astype(np.float64)

    def figures(self, sums: Floats) -> dict[str, Floats]:
        """Return the figures of sums (..., statistics): shares, means of probabilities, means."""
        kinds = len(self.names)
        parts = np.split(sums, [1, 1 + kinds, 2 + kinds, 2 + 2 * kinds], -1)
        figures = {}
        if self.names:
            figures["shares"] = _ratio(parts[1], parts[0])
        if self.has_shares.any():
            figures["probabilities"] = _ratio(parts[3], parts[2])
        pairs = zip(self.numbers, np.split(parts[4], max(len(self.numbers), 1), -1), strict=False)
        return figures | {name: _ratio(pair[..., 1:], pair[..., :1]) for name, pair in pairs}


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return part / np.where(whole > 0, whole, np.nan)


def row(
    by: dict[str, Any], places: Indices, answers: Answers, about: Record, options: SummaryOptions
) -> Record:
    """Return the row of figures of a group, whose records stand at some places (-1: nowhere)."""
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest: undefined
        return _row(by, places[places >= 0], answers, about, options)


def _row(
    by: dict[str, Any], at: Indices, answers: Answers, about: Record, options: SummaryOptions
) -> Record:
    resampled, clusters = about.pop("resampled"), about.pop("of")
    numbers, count = bootstrap.clusters(clusters, options.seed)
    sums = answers.sums(at, numbers, max(count, 1))
    figures = answers.figures(sums.sum(0))
    counts = np.bincount(answers.label[at][answers.label[at] >= 0], minlength=len(answers.names))
    rated = {n: int((~np.isnan(values[at])).sum()) for n, values in answers.numbers.items()}
    seconds = {"seconds": float(answers.weight[at].sum())} if options.weight == DURATION else {}
    return {
        **({"by": by} if by else {}),
        "of": options.of,
        "weight": options.weight,
        **about,
        **seconds,
        "counts": dict(zip(answers.names, counts.tolist(), strict=True)),
        **_named(figures, answers.names),
        **({"rated": rated} if rated else {}),
        "intervals": _intervals(answers, sums, figures, options),
        "resampled": resampled,
        "clusters": len(np.unique(clusters)),
        "bootstrap": options.bootstrap,
        "seed": options.seed,
    }


def number(value: float) -> float | None:
    """Return a figure for a record: None if undefined."""
    return float(value) if np.isfinite(value) else None


def _named(figures: dict[str, Floats], names: list[str]) -> Record:
    """Return figures by name: an object of all emotions, or a single number."""
    return {
        name: dict(zip(names, map(number, values.tolist()), strict=True))
        if name in ("shares", "probabilities")
        else number(float(values[0]))
        for name, values in figures.items()
    }


def _intervals(
    answers: Answers, sums: Floats, figures: dict[str, Floats], options: SummaryOptions
) -> Record:
    """Return the 95 % interval of every figure, [None, None] where it is undefined."""
    if len(sums) < 2 or not options.bootstrap:
        edges = {name: np.full((2, len(values)), np.nan) for name, values in figures.items()}
    else:
        blocks = [
            answers.figures(total)
            for total in bootstrap.resampled(sums, options.bootstrap, options.seed)
        ]
        drawn = {name: np.concatenate([block[name] for block in blocks]) for name in figures}
        edges = {name: bootstrap.intervals(values) for name, values in drawn.items()}
        if "shares" in edges:
            bounds = proportions.all_or_none(figures["shares"], sums[:, 0])
            edges["shares"] = np.where(np.isnan(bounds), edges["shares"], bounds)
    named = {
        name: [[number(float(low)), number(float(high))] for low, high in pair.T]
        for name, pair in edges.items()
    }
    return {
        name: dict(zip(answers.names, pairs, strict=True))
        if name in ("shares", "probabilities")
        else pairs[0]
        for name, pairs in named.items()
    }
