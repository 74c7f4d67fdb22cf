"""`score` for ratings: valence, arousal, dominance, and sentiment as MOSI and SIMS score it."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from emocli.metrics import multilabel, regression, sentiment
from emocli.records import Record, label_reading
from emocli.scoring.columns import unscored
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Fault, Floats, Indices

DIMENSIONS = ("valence", "arousal", "dominance", "sentiment")
FIGURES = ("ccc", "pearson", "mae", "rmse")
NAMES = ("ccc", *(f"{d}.{figure}" for d in DIMENSIONS for figure in FIGURES))
MOSI = (
    "mae", "corr", "acc7", "acc5", "acc3", "acc2_has0", "f1_has0", "acc2_non0", "f1_non0"
)  # fmt: skip
SIMS = ("mae", "corr", "acc5", "acc3", "acc2", "f1", "acc2_weak", "r2")
WIDTH = 9  # statistics per dimension, from `regression.sums`
NAN = float("nan")


class Numbers:
    """Columns of true and predicted ratings; NaN if a record lacks one."""

    def __init__(self, dimensions: tuple[str, ...] = DIMENSIONS, kind: str = "regression") -> None:
        self.dimensions, self.kind = dimensions, kind
        self.truth, self.predicted = array("d"), array("d")  # a row of dimensions per record

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's ratings, or return the reason not to."""
        if record.get("error"):
            return "error"
        truth = _numbers(label, self.dimensions, "label")
        if all(value != value for value in truth):
            return unscored(prediction, False)
        predicted = _numbers(prediction, self.dimensions, "prediction")
        if all(value != value for value in predicted):
            return unscored(prediction, True)
        self.truth.extend(truth)
        self.predicted.extend(predicted)
        return None

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the arrays of all records taken."""
        return Frame(self)


def _numbers(side: Any, dimensions: tuple[str, ...], where: str) -> list[float]:
    """Return the ratings of one side, NaN for missing ones."""
    given = label_reading.side(side, where)
    values = [label_reading.rating(given, name, where) for name in dimensions]
    return [NAN if value is None else value for value in values]


class Frame:
    """All records as arrays (records, dimensions), without dimensions that no prediction has."""

    unpredicted: list[str] = []  # noqa: RUF012  # there are no labels

    def __init__(self, columns: Numbers) -> None:
        shape = (-1, len(columns.dimensions))
        truths = np.asarray(columns.truth).reshape(shape)
        predicted = np.asarray(columns.predicted).reshape(shape)
        used = ~np.isnan(predicted).all(0) & ~np.isnan(truths).all(0)
        if not used.any():
            used = ~np.isnan(predicted).all(0)
        self.truths, self.predicted = truths[:, used], predicted[:, used]
        self.names = [columns.dimensions[i] for i in np.flatnonzero(used)]
        self.kind = columns.kind
        lacking = ~np.isnan(self.truths) & np.isnan(self.predicted)
        foreign = np.isnan(self.truths).all(1)
        self.faults = [
            Fault("no_prediction", np.flatnonzero(lacking.any(1) | foreign), self._lacks)
        ]

    def _lacks(self, row: int) -> str:
        lacking = ~np.isnan(self.truths[row]) & np.isnan(self.predicted[row])
        names = [name for name, lacks in zip(self.names, lacking, strict=True) if lacks]
        what = " and ".join(names) or "what its label rates"
        return f"there is a label, but no prediction of {what}"

    def part(self, rows: Indices | slice) -> Part:
        """Return some of the records, ready for their figures."""
        return Part(self.truths[rows], self.predicted[rows], self.names, self.kind)

    def control(self, others: Others) -> Frame:
        """Return the frame with the mean ratings of others as predictions.

        A dimension that no other speaker rated anywhere is left out: its figures are undefined.
        """
        frame, rows = copy.copy(self), others.rows
        frame.truths, frame.predicted = self.truths.copy(), self.predicted.copy()
        frame.predicted[rows] = others.mean(self.truths[rows])
        lacking = np.isnan(frame.predicted[rows]) & ~np.isnan(self.truths[rows])
        frame.truths[:, lacking.any(0)] = np.nan
        return frame


Sums = Callable[[Floats, Floats, Indices, int], Floats]
SETS: dict[str, tuple[Sums, Callable[[Floats], dict[str, Floats]]]] = {
    "mosi": (sentiment.mosi_sums, sentiment.mosi_figures),
    "sims": (sentiment.sims_sums, sentiment.sims_figures),
}


class Part:
    """The figures of some records, for each dimension over the records that have it."""

    def __init__(self, truth: Floats, predicted: Floats, names: list[str], kind: str) -> None:
        self.truth, self.predicted, self.names, self.kind = truth, predicted, names, kind

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        add = SETS[self.kind][0] if self.kind in SETS else regression.sums
        parts = []
        for truth, predicted in zip(self.truth.T, self.predicted.T, strict=True):
            rated = ~np.isnan(truth)
            parts.append(add(truth[rated], predicted[rated], clusters[rated], count))
        return np.concatenate(parts, 1)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        if self.kind in SETS:
            return SETS[self.kind][1](total)
        metrics: dict[str, Floats] = {}
        for i, name in enumerate(self.names):
            of_dimension = regression.figures(total[..., i * WIDTH : (i + 1) * WIDTH])
            metrics |= {f"{name}.{figure}": of_dimension[figure] for figure in FIGURES}
        each = np.stack([metrics[f"{name}.ccc"] for name in self.names], -1)
        return {"ccc": multilabel.mean_of(each)} | metrics

    def details(self) -> Record:
        """Return how many records have each dimension."""
        counts = (~np.isnan(self.truth)).sum(0).tolist()
        return {"rated": dict(zip(self.names, counts, strict=True))}
