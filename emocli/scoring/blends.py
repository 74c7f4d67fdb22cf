"""`score` for blends of two emotions, in per cent of each."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np

from emocli.metrics import blend
from emocli.records import Record, label_reading
from emocli.scoring.columns import unscored
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Fault, Floats, Indices, Shares, Words, faults_of, unknown

NAMES = ("presence", "salience", "blend_score")
TOTAL = 100  # per cent


class Blends:
    """Columns of true and predicted saliences; a single emotion counts as 100 per cent."""

    def __init__(self) -> None:
        self.words = Words()
        self.truth = Shares(self.words, "blend")
        self.predicted = Shares(self.words, "blend", "prediction")

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's blends, or return the reason not to."""
        if record.get("error"):
            return "error"
        truth = label_reading.numbers(label_reading.side(label, "label"), "blend", "label")
        if not truth:
            return unscored(prediction, False)
        given = label_reading.side(prediction, "prediction")
        predicted = label_reading.numbers(given, "blend", "prediction")
        if not predicted:
            emotion = label_reading.emotion(given, "prediction")
            if emotion is None:
                return unscored(prediction, True)
            predicted = {emotion: TOTAL}
        self.truth.add(truth)
        self.predicted.add(predicted)
        return None

    def frame(self, options: ScoreOptions) -> BlendFrame:
        """Return the arrays of all records taken."""
        return BlendFrame(self)


class BlendFrame:
    """All records as arrays (records, labels) of saliences in per cent."""

    def __init__(self, columns: Blends) -> None:
        self.faults: list[Fault] = []
        self.labels = columns.words.resolve(columns.truth.used(), columns.predicted.used())
        self.truths, foreign = columns.truth.matrix(self.labels)
        self.predicted, strange = columns.predicted.matrix(self.labels)
        for odd, side in ((foreign, columns.truth), (strange, columns.predicted)):
            words = partial(side.foreign, labels=self.labels)
            self.faults += unknown(odd != 0, words, side.side)
        self.faults += _not_blends("label", self.truths, self.truths.sum(1) + foreign)
        self.faults += _not_blends("prediction", self.predicted, self.predicted.sum(1) + strange)
        true = {self.labels.names[i] for i in np.flatnonzero((self.truths > 0).any(0))}
        self.unpredicted = sorted(true - self.labels.predicted)

    def part(self, rows: Indices | slice) -> BlendPart:
        """Return some of the records, ready for their figures."""
        return BlendPart(self.truths[rows], self.predicted[rows])

    def control(self, others: Others) -> BlendFrame:
        """Return the frame with the blend that most of the others gave as predictions."""
        frame = copy.copy(self)
        frame.predicted, rows = self.predicted.copy(), others.rows
        blends, of = np.unique(self.truths[rows], axis=0, return_inverse=True)
        frame.predicted[rows] = blends[others.majority(np.eye(len(blends))[of.reshape(-1)])]
        return frame


def _not_blends(side: str, matrix: Floats, total: Floats) -> list[Fault]:
    """Return the rows that are not saliences: with a negative value, or not adding to 100."""
    bad = ~(np.abs(total - TOTAL) <= blend.SUM_TOLERANCE) | (matrix < 0).any(1)

    def message(row: int) -> str:
        if matrix[row].min() < 0:
            return f"{side}.blend has the negative value {matrix[row].min():g} per cent"
        return f"{side}.blend adds to {total[row]:g} per cent, not to {TOTAL}"

    return faults_of(f"bad_{side}", bad, message)


class BlendPart:
    """The figures of some records."""

    def __init__(self, truth: Floats, predicted: Floats) -> None:
        self.truth, self.predicted = truth, predicted

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        return blend.sums(self.truth, self.predicted, clusters, count)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        return blend.figures(total)

    def details(self) -> Record:
        """Return the number of blends on both sides."""
        counts = [int(((side > 0).sum(1) > 1).sum()) for side in (self.truth, self.predicted)]
        return {"blends": counts[0], "predicted_blends": counts[1]}
