"""The records of a file as samples of a task, and their figures in every resample."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import bootstrap
from emocli.records import Record
from emocli.scoring.columns import SKIPPED, Columns
from emocli.scoring.figures import number
from emocli.scoring.options import ScoreOptions
from emocli.scoring.tasks import Frame, Part

Mask = NDArray[np.bool_]
Sample = tuple[Part, NDArray[np.int64]]  # some records, and the cluster of each
Figures = dict[str, Any]


class Table:
    """The records of a file, and the row of each in the frame."""

    def __init__(self, columns: Columns, frame: Frame, first: int = 0) -> None:
        self.columns, self.frame = columns, frame
        self.row = np.full(len(columns.ids), -1)
        scorable = np.ones(len(columns.ids), np.bool_)
        scorable[list(columns.unscored)] = False
        taken = np.flatnonzero(scorable)
        self.row[taken] = first + np.arange(len(taken))
        for fault in frame.faults:
            inside = fault.rows[(fault.rows >= first) & (fault.rows < first + len(taken))]
            for row in inside.tolist():
                place = int(taken[row - first])
                if self.row[place] >= 0:
                    columns.fail(place, fault.code, fault.message(row))
                    self.row[place] = -1

    def counts(self, inside: Mask) -> Record:
        """Return the counts of records: scored, skipped by reason, failed."""
        reasons = Counter(
            reason for place, reason in self.columns.unscored.items() if inside[place]
        )
        records, scored = int(inside.sum()), int((inside & (self.row >= 0)).sum())
        labelled = records - reasons["no_label"]
        return {
            "records": records,
            "scored": scored,
            "skipped": dict(sorted(reasons.items())),
            "failed": sum(n for reason, n in reasons.items() if reason not in SKIPPED),
            "coverage": scored / labelled if labelled else None,
        }

    def totals(self) -> Record:
        """Return the counts of all records."""
        return self.counts(np.ones(len(self.row), np.bool_))

    def sample(self, inside: Mask) -> Sample:
        """Return the records to score among some records."""
        at = np.flatnonzero(inside & (self.row >= 0))
        rows = self.row[at]
        contiguous = len(rows) and rows[-1] - rows[0] == len(rows) - 1  # a slice needs no copy
        part = self.frame.part(slice(rows[0], rows[-1] + 1) if contiguous else rows)
        return part, np.asarray(self.columns.clustered)[at]


def evaluate(samples: list[Sample], options: ScoreOptions) -> tuple[Figures, Figures]:
    """Return every figure as the mean over the samples, and its value in each resample.

    The same clusters are drawn for every sample, and in every call with as many clusters.
    """
    clusters = np.concatenate([clusters for _, clusters in samples])
    numbers, count = np.zeros(len(clusters), np.int64), 1
    if options.bootstrap:
        numbers, count = bootstrap.clusters(clusters, options.seed)
    ends = np.cumsum([len(clusters) for _, clusters in samples])[:-1]
    evaluated: list[tuple[Figures, Figures]] = []
    for (part, _), members in zip(samples, np.split(numbers, ends), strict=True):
        sums = part.sums(members, max(count, 1))
        blocks: list[Figures] = []
        if count > 1:
            totals = bootstrap.resampled(sums, options.bootstrap, options.seed)
            blocks = [part.figures(total) for total in totals]
        drawn = {k: np.concatenate([block[k] for block in blocks]) for k in (blocks or [{}])[0]}
        evaluated.append((part.figures(sums.sum(0)), drawn))
    points, draws = zip(*evaluated, strict=True)
    return _mean(points), _mean(draws)


def _mean(figures: tuple[Figures, ...]) -> Figures:
    return {name: np.mean([sample[name] for sample in figures], axis=0) for name in figures[0]}


def interval(draws: Any) -> list[float | None]:
    """Return the two ends of the 95 % interval; None if it is undefined."""
    if draws is None:
        return [None, None]
    low, high = bootstrap.interval(draws)
    return [number(low), number(high)]


def nested(flat: dict[str, Any]) -> Record:
    """Return {"a.b": x} as {"a": {"b": x}}.

    >>> nested({"ccc": 1, "valence.ccc": 2, "valence.mae": 3})
    {'ccc': 1, 'valence': {'ccc': 2, 'mae': 3}}
    """
    result: Record = {}
    for name, value in flat.items():
        first, _, rest = name.partition(".")
        if rest:
            result.setdefault(first, {})[rest] = value
        else:
            result[first] = value
    return result
