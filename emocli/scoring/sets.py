"""`score` for several labels per record: the true set, the predicted set, probabilities."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import multilabel
from emocli.records import Record, label_reading
from emocli.records.label_reading import PREDICTION
from emocli.scoring.columns import unscored
from emocli.scoring.figures import number
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Floats, Indices, Shares, Words, faults_of, unknown

Bools = NDArray[np.bool_]

MOST = 0.5  # of the others give a label that the control predicts

NAMES = ("micro_f1", "macro_f1", "samples_f1", "jaccard", "exact_match", "map")


class Sets:
    """Columns of true labels, predicted labels, and probabilities of each label."""

    def __init__(self) -> None:
        self.words = Words()
        self.truth, self.predicted = Shares(self.words, "multi"), Shares(self.words, "multi")
        self.probabilities = Shares(self.words, "probabilities", "prediction")

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's sets, or return the reason not to."""
        if record.get("error"):
            return "error"
        truth = label_reading.several(label_reading.side(label, "label"), "label")
        if truth is None:
            return unscored(prediction, False)
        given = label_reading.side(prediction, "prediction")
        predicted = label_reading.several(given, "prediction")
        probabilities = label_reading.numbers(given, "probabilities", "prediction")
        if predicted is None and not probabilities:
            return unscored(prediction, True)
        if probabilities:
            self.probabilities.add(probabilities, given.get("model"))
        else:
            self.probabilities.skip()
        self.truth.add(dict.fromkeys(truth, 1.0))
        if predicted is None:
            self.predicted.skip()
        else:
            self.predicted.add(dict.fromkeys(predicted, 1.0), "predicted")
        return None

    def frame(self, options: ScoreOptions) -> SetFrame:
        """Return the arrays of all records taken."""
        return SetFrame(self, options)


class SetFrame:
    """All records as arrays (records, labels): true, predicted, probabilities."""

    def __init__(self, columns: Sets, options: ScoreOptions) -> None:
        self.options = options
        used, classes = columns.predicted.used(), columns.probabilities.classes()
        self.labels = columns.words.resolve(columns.truth.used(), used, classes)
        matrix, foreign = columns.truth.matrix(self.labels)
        self.truths = matrix > 0
        self.probabilities, strange = columns.probabilities.matrix(self.labels)
        off = np.any((self.probabilities < 0) | (self.probabilities > 1), axis=1)
        self.faults = faults_of("bad_probabilities", off, self._out_of_range)
        self.faults += columns.probabilities.odd()
        self.faults += unknown(foreign != 0, lambda row: columns.truth.foreign(row, self.labels))
        listed, more = columns.predicted.matrix(self.labels)
        for odd, side in ((more, columns.predicted), (strange, columns.probabilities)):
            self.faults += unknown(odd != 0, partial(side.foreign, labels=self.labels), PREDICTION)
        likely = self.probabilities >= options.threshold
        has_list = columns.predicted.present
        self.predicted = np.where(has_list[:, None], listed > 0, likely)
        self.has_probabilities = columns.probabilities.present
        true = {self.labels.names[i] for i in np.flatnonzero(self.truths.any(0))}
        self.unpredicted = sorted(true - self.labels.predicted)

    def _out_of_range(self, row: int) -> str:
        values = self.probabilities[row]
        return f"probabilities from {values.min():g} to {values.max():g}, not within 0..1"

    def part(self, rows: Indices | slice) -> SetPart:
        """Return some of the records, ready for their figures."""
        known = self.has_probabilities[rows].all()
        probabilities = self.probabilities[rows] if known else None
        truth, predicted = self.truths[rows], self.predicted[rows]
        return SetPart(truth, predicted, probabilities, self.labels.names, self.options)

    def control(self, others: Others) -> SetFrame:
        """Return the frame with the labels that most of the others gave as predictions."""
        frame = copy.copy(self)
        frame.predicted, rows = self.predicted.copy(), others.rows
        frame.predicted[rows] = others.mean(self.truths[rows].astype(np.float64)) > MOST
        frame.has_probabilities = np.zeros_like(self.has_probabilities)
        return frame


class SetPart:
    """The figures of some records.

    Average precision is not a sum over records: resamples use the scores in bins of equal counts,
    and the error of the binned figure against the exact one is added to all of them.
    """

    def __init__(
        self,
        truth: Bools,
        predicted: Bools,
        probabilities: Floats | None,
        labels: list[str],
        options: ScoreOptions,
    ) -> None:
        self.truth, self.predicted, self.probabilities = truth, predicted, probabilities
        self.labels, self.options, self.correction = labels, options, 0.0
        if probabilities is not None and len(probabilities):
            self.edges = multilabel.score_edges(probabilities)
            binned = self._scores(np.zeros(len(truth), np.int64), 1)
            exact = multilabel.mean_average_precision(truth, probabilities)
            self.correction = exact - float(self._map(binned[0]))

    def _scores(self, clusters: Indices, count: int) -> Floats:
        assert self.probabilities is not None
        return multilabel.score_sums(self.truth, self.probabilities, self.edges, clusters, count)

    def _map(self, total: Floats) -> Floats:
        shape = (*total.shape[:-1], len(self.labels), -1, 2)
        return multilabel.mean_of(multilabel.precision_of(total.reshape(shape)))

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        total = multilabel.sums(self.truth, self.predicted, clusters, count)
        if self.probabilities is None or not len(self.truth):
            return total
        return np.concatenate([total, self._scores(clusters, count)], 1)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        width = 4 + 3 * len(self.labels)
        metrics = multilabel.figures(total[..., :width], self.options.absent_f1)
        if total.shape[-1] > width:
            return metrics | {"map": np.clip(self._map(total[..., width:]) + self.correction, 0, 1)}
        return metrics | {"map": np.full(total.shape[:-1], np.nan)[()]}

    def details(self) -> Record:
        """Return the threshold, and the F1 of each label."""
        clusters = np.zeros(len(self.truth), np.int64)
        total = multilabel.sums(self.truth, self.predicted, clusters, 1)[0]
        right, predicted, true = np.split(total[4:], 3)
        f1 = multilabel.class_f1(total)
        return {
            "labels": self.options.labels,
            "threshold": self.options.threshold,
            "with_probabilities": len(self.truth) if self.probabilities is not None else 0,
            "per_class": {
                label: {
                    "precision": number(right[i] / predicted[i]) if predicted[i] else None,
                    "recall": number(right[i] / true[i]) if true[i] else None,
                    "f1": number(f1[i]),
                    "support": int(true[i]),
                }
                for i, label in enumerate(self.labels)
                if predicted[i] + true[i] or self.options.all_labels
            },
        }
