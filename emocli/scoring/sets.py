"""`score` of several labels a record: the true set, the predicted one, probabilities of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.errors import RecordError
from emocli.metrics import multilabel
from emocli.records import Record
from emocli.scoring.columns import unscored
from emocli.scoring.figures import number
from emocli.scoring.words import Floats, Indices, Shares, Words, faults_of, unknown

Bools = NDArray[np.bool_]

NAMES = ("micro_f1", "macro_f1", "samples_f1", "jaccard", "exact_match", "map")


class Sets:
    """Columns of true labels, predicted labels, and probabilities of each label."""

    def __init__(self) -> None:
        self.words = Words()
        self.truth, self.given = Shares(self.words, "multi"), Shares(self.words, "multi")
        self.chances = Shares(self.words, "probabilities")

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's sets, or say why not."""
        truth = _set(label, "label.multi")
        if truth is None or "error" in record:
            return unscored(record, {"multi": truth}, prediction, "multi")
        given = _set(prediction, "prediction.multi")
        chances = prediction.get("probabilities") if type(prediction) is dict else None
        if given is None and not chances:
            return unscored(record, {"multi": truth}, prediction, "multi")
        if chances:
            self.chances.add(chances, prediction.get("model"))
        else:
            self.chances.skip()
        self.truth.add(dict.fromkeys(truth, 1.0))
        if given is None:
            self.given.skip()
        else:
            self.given.add(dict.fromkeys(given, 1.0), "said")
        return None

    def frame(self, flags: Record) -> SetFrame:
        """Return the arrays of all that was taken."""
        return SetFrame(self, flags)


def _set(side: Any, where: str) -> list[str] | None:
    found = side.get("multi") if type(side) is dict else None
    if found is not None and (
        type(found) is not list or not all(type(word) is str for word in found)
    ):
        raise RecordError("bad_multi", f"{where} is not a list of labels: {found!r:.80}")
    return found


class SetFrame:
    """All records as arrays (records, labels): which are true, which are said, how likely."""

    def __init__(self, columns: Sets, flags: Record) -> None:
        self.flags = flags
        given = columns.given.used() | columns.chances.used()
        self.labels = columns.words.resolve(columns.truth.used(), given)
        matrix, foreign = columns.truth.matrix(self.labels)
        self.truths = matrix > 0
        self.chances, _ = columns.chances.matrix(self.labels)
        off = np.any((self.chances < 0) | (self.chances > 1), axis=1)
        self.faults = faults_of("bad_probabilities", off, self._beyond)
        self.faults += columns.chances.odd()
        self.faults += unknown(foreign != 0, lambda row: columns.truth.foreign(row, self.labels))
        said, _ = columns.given.matrix(self.labels)
        likely = self.chances >= flags["threshold"]
        listed = np.asarray(columns.given.layout) != 0
        self.said = np.where(listed[:, None], said > 0, likely)
        self.likely = columns.chances.there
        true = {self.labels.names[i] for i in np.flatnonzero(self.truths.any(0))}
        self.unheard = sorted(true - self.labels.given)

    def _beyond(self, row: int) -> str:
        values = self.chances[row]
        return f"probabilities from {values.min():g} to {values.max():g}, not within 0..1"

    def part(self, rows: Indices | slice) -> SetPart:
        """Return what can be said of some records."""
        chances = self.chances[rows] if self.likely[rows].all() else None
        return SetPart(self.truths[rows], self.said[rows], chances, self.labels.names, self.flags)


class SetPart:
    """The figures of some records.

    Average precision does not add up: resamples see the scores in bins of equal numbers, and what
    the bins miss of the exact figure is added to all of them.
    """

    def __init__(
        self, truth: Bools, said: Bools, chances: Floats | None, labels: list[str], flags: Record
    ) -> None:
        self.truth, self.said, self.chances = truth, said, chances
        self.labels, self.flags, self.missed = labels, flags, 0.0
        if chances is not None and len(chances):
            self.edges = multilabel.score_edges(chances)
            whole = self._scores(np.zeros(len(truth), np.int64), 1)
            exact = multilabel.mean_average_precision(truth, chances)
            self.missed = exact - float(self._map(whole[0]))

    def _scores(self, clusters: Indices, count: int) -> Floats:
        assert self.chances is not None
        return multilabel.score_sums(self.truth, self.chances, self.edges, clusters, count)

    def _map(self, total: Floats) -> Floats:
        shape = (*total.shape[:-1], len(self.labels), -1, 2)
        return multilabel.mean_of(multilabel.precision_of(total.reshape(shape)))

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        total = multilabel.sums(self.truth, self.said, clusters, count)
        if self.chances is None or not len(self.truth):
            return total
        return np.concatenate([total, self._scores(clusters, count)], 1)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        width = 4 + 3 * len(self.labels)
        absent = 0.0 if self.flags["labels"] == "all" else np.nan
        found = multilabel.figures(total[..., :width], absent)
        if total.shape[-1] > width:
            return found | {"map": np.clip(self._map(total[..., width:]) + self.missed, 0, 1)}
        return found | {"map": np.full(total.shape[:-1], np.nan)[()]}

    def details(self) -> Record:
        """Return the threshold, and the F1 of each label."""
        total = multilabel.sums(self.truth, self.said, np.zeros(len(self.truth), np.int64), 1)[0]
        right, said, true = np.split(total[4:], 3)
        f1 = multilabel.class_f1(total)
        return {
            "labels": self.flags["labels"],
            "threshold": self.flags["threshold"],
            "with_probabilities": len(self.truth) if self.chances is not None else 0,
            "per_class": {
                label: {
                    "precision": number(right[i] / said[i]) if said[i] else None,
                    "recall": number(right[i] / true[i]) if true[i] else None,
                    "f1": number(f1[i]),
                    "support": int(true[i]),
                }
                for i, label in enumerate(self.labels)
                if said[i] + true[i] or self.flags["labels"] == "all"
            },
        }
