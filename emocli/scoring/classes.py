"""`score` of one label a record, and of distributions over labels: what is kept, what is wrong."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from emocli.errors import RecordError
from emocli.metrics import report
from emocli.records import Record
from emocli.scoring.columns import unscored
from emocli.scoring.figures import Part, restricted
from emocli.scoring.words import Floats, Indices, Shares, Words, not_shares, unknown

VOTES = "votes"  # the source of shares that are counted, and need not add to one


class Classes:
    """Columns of true and predicted labels and of probabilities."""

    def __init__(self) -> None:
        self.words = Words()
        self.probabilities = Shares(self.words, "probabilities")
        self.truth, self.predicted = array("i"), array("i")  # words; -1 is not said

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's labels, or say why not."""
        if type(label) is not dict or type(prediction) is not dict or "error" in record:
            return unscored(record, label, prediction, "emotion")
        truth, given = label.get("emotion"), prediction.get("emotion")
        if type(truth) is not str or type(given) is not str:
            return unscored(record, label, prediction, "emotion")
        if chances := prediction.get("probabilities"):
            self.probabilities.add(chances, prediction.get("model"))
        else:
            self.probabilities.skip()
        self.truth.append(self.words.add(truth))
        self.predicted.append(self.words.add(given))
        return None

    def frame(self, flags: Record) -> Frame:
        """Return the arrays of all that was taken."""
        return Frame(self, flags)


class Distributions(Classes):
    """The same of records whose truth is the shares of people's votes."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = Shares(self.words, "distribution")

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's shares and probabilities, or say why not."""
        try:  # nearly every record is like this, and goes by without a question more
            shares, chances = label["distribution"], prediction["probabilities"]
            given = self.words.number[prediction["emotion"]]
            if "merged" in label or "error" in record or not shares or not chances:
                return self._careful(record, label, prediction)
        except (KeyError, TypeError):
            return self._careful(record, label, prediction)
        self._keep(shares, record.get("dataset"), prediction)
        self.predicted.append(given)
        return None

    def _careful(self, record: Record, label: Any, prediction: Any) -> str | None:
        shares, source = _shares(record, label)
        if not shares or type(prediction) is not dict or "error" in record:
            return unscored(record, {"shares": shares or None}, prediction, "shares")
        given = prediction.get("emotion", "")
        if given is None or not prediction.get("probabilities"):
            return unscored(record, {"shares": shares}, prediction, "shares")
        self._keep(shares, source, prediction)
        self.predicted.append(self.words.add(given) if given and type(given) is str else -1)
        return None

    def _keep(self, shares: Any, source: Any, prediction: Record) -> None:
        self.shares.add(shares, source)
        try:
            self.probabilities.add(prediction["probabilities"], prediction.get("model"))
        except RecordError:
            self.shares.undo()
            raise

    def frame(self, flags: Record) -> Frame:
        """Return the arrays of all that was taken."""
        return Frame(self, flags, self.shares)


def _shares(record: Record, label: Any) -> tuple[Any, Any]:
    """Return what people said, and whose it is; what was merged with machines' votes is not."""
    if type(label) is not dict:
        return None, None
    if (shares := label.get("distribution")) and "merged" not in label:
        return shares, record.get("dataset")
    return label.get("votes"), VOTES


class Frame:
    """All records as arrays: (records,) labels, (records, labels) probabilities and shares."""

    def __init__(self, columns: Classes, flags: Record, shares: Shares | None = None) -> None:
        self.flags, self.chances = flags, columns.probabilities
        self.words = list(columns.words.number)
        truth, predicted = np.asarray(columns.truth), np.asarray(columns.predicted)
        true = {self.words[i] for i in _distinct(truth)} | (shares.used() if shares else set())
        said = {self.words[i] for i in _distinct(predicted)}
        self.labels = columns.words.resolve(true, said | self.chances.used())
        self.probabilities, _ = self.chances.matrix(self.labels)
        total = np.where(self.chances.there, np.einsum("rc->r", self.probabilities), 1.0)
        self.faults = not_shares(self.chances.what, self.probabilities, total)
        self.faults += self.chances.odd()
        if not self.chances.there.all():
            self.probabilities[~self.chances.there] = np.nan
        self.predicted = self.labels.of[predicted]
        self.pair: tuple[Floats, Floats] | None = None
        if shares is None:
            self.truths = self.truth = self.labels.of[truth]
            self.faults += unknown(
                self.truth < 0, lambda row: [list(columns.words.number)[truth[row]]]
            )
        else:
            self.truths = self._people(shares)
            first = self.truths.argmax(1) if self.truths.size else np.empty(0, np.int64)
            self.truth = first  # of equal shares the first
            self.pair = self.truths, self.probabilities / np.where(total > 0, total, 1.0)[:, None]
            if (predicted < 0).any():
                best = self.probabilities.argmax(1)
                self.predicted = np.where(predicted < 0, best, self.predicted)

    def _people(self, shares: Shares) -> Floats:
        """Check what people said, and scale it to add to one."""
        matrix, foreign = shares.matrix(self.labels)
        total = np.einsum("rc->r", matrix) + foreign
        votes = [number for (source, _), number in shares.layouts.items() if source is VOTES]
        counted = np.isin(np.asarray(shares.layout), votes)
        self.faults += unknown(foreign != 0, lambda row: shares.foreign(row, self.labels))
        self.faults += not_shares(shares.what, matrix, np.where(counted & (total > 0), 1.0, total))
        self.faults += [fault for fault in shares.odd() if not counted[fault.rows[0]]]
        return matrix / np.where(total > 0, total, 1.0)[:, None]

    @property
    def unheard(self) -> list[str]:
        """The labels that truth has and no prediction can give."""
        true = {self.labels.names[i] for i in _distinct(self.truth)}
        return sorted(true - self.labels.given)

    def part(self, rows: Indices | slice) -> Part:
        """Return what can be said of some records."""
        absent = 0.0 if self.flags["labels"] == "all" else np.nan
        arrays = (self.truth[rows], self.predicted[rows], self.probabilities[rows])
        scored = report.Scored(*arrays, absent)
        if self.flags["restrict"] == "present":
            scored = restricted(scored)
        pair = self.pair and (self.pair[0][rows], self.pair[1][rows])
        return Part(scored, pair, self.labels.names, self.flags)


def _distinct(numbers: Indices) -> list[int]:
    """Return which numbers from 0 there are; np.unique would sort them all."""
    return np.flatnonzero(np.bincount(numbers[numbers >= 0])).tolist()
