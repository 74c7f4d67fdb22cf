"""`score` for one label per record, and for distributions over labels: columns and checks."""

from __future__ import annotations

import copy
from array import array
from typing import Any

import numpy as np

from emocli.errors import RecordError
from emocli.metrics import report
from emocli.records import Record, label_reading
from emocli.scoring.columns import unscored
from emocli.scoring.figures import Part, restricted
from emocli.scoring.options import PRESENT, ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import (
    Fault,
    Floats,
    Indices,
    Labels,
    Shares,
    Words,
    not_shares,
    unknown,
)

VOTES = "votes"  # the source of shares that are counts and need not add to one


class Classes:
    """Columns of true and predicted labels and of probabilities."""

    def __init__(self) -> None:
        self.words = Words()
        self.probabilities = Shares(self.words, "probabilities", "prediction")
        self.truth, self.predicted = array("i"), array("i")  # numbers of words; -1 is missing

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's labels, or return the reason not to."""
        if type(label) is not dict or type(prediction) is not dict or record.get("error"):
            return self._untaken(record, label, prediction)
        truth, predicted = label.get("emotion"), prediction.get("emotion")
        if type(truth) is not str or type(predicted) is not str:
            return self._untaken(record, label, prediction)
        if probabilities := prediction.get("probabilities"):
            self.probabilities.add(probabilities, prediction.get("model"))
        else:
            label_reading.numbers(prediction, "probabilities", "prediction")
            self.probabilities.skip()
        self.truth.append(self.words.add(truth))
        self.predicted.append(self.words.add(predicted))
        return None

    def _untaken(self, record: Record, label: Any, prediction: Any) -> str:
        if record.get("error"):
            return "error"
        truth = label_reading.emotion(label_reading.side(label, "label"), "label")
        return unscored(prediction, truth is not None)

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the arrays of all records taken."""
        return Frame(self, options)


class Distributions(Classes):
    """The same for records whose truth is the distribution of people's votes."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = Shares(self.words, "distribution")

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's shares and probabilities, or return the reason not to."""
        try:  # the fast path, which nearly every record takes
            shares, probabilities = label["distribution"], prediction["probabilities"]
            predicted = self.words.number[prediction["emotion"]]
            if label.get("merged") or record.get("error") or not shares or not probabilities:
                return self._take_checked(record, label, prediction)
        except (KeyError, TypeError):
            return self._take_checked(record, label, prediction)
        self._keep(shares, record.get("dataset"), prediction)
        self.predicted.append(predicted)
        return None

    def _take_checked(self, record: Record, label: Any, prediction: Any) -> str | None:
        if record.get("error"):
            return "error"
        shares, source = _shares(record, label_reading.side(label, "label"))
        given = label_reading.side(prediction, "prediction") if shares else {}
        predicted = label_reading.emotion(given, "prediction")
        has_abstained = predicted is None and "emotion" in given
        if has_abstained or not label_reading.numbers(given, "probabilities", "prediction"):
            return unscored(prediction, bool(shares))
        self._keep(shares, source, given)
        self.predicted.append(self.words.add(predicted) if predicted else -1)
        return None

    def _keep(self, shares: Any, source: Any, prediction: Record) -> None:
        self.shares.add(shares, source)
        try:
            self.probabilities.add(prediction["probabilities"], prediction.get("model"))
        except RecordError:
            self.shares.undo()
            raise

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the arrays of all records taken."""
        return Frame(self, options, self.shares)


def _shares(record: Record, label: Record) -> tuple[dict[str, float], Any]:
    """Return people's shares and their source; never shares merged with synthetic votes."""
    shares = label_reading.numbers(label, "distribution", "label")
    if shares and not label.get("merged"):
        return shares, record.get("dataset")
    return label_reading.numbers(label, "votes", "label"), VOTES


class Frame:
    """All records as arrays: (records,) labels, (records, labels) probabilities and shares."""

    def __init__(
        self, columns: Classes, options: ScoreOptions, shares: Shares | None = None
    ) -> None:
        self.options = options
        words, probabilities = list(columns.words.number), columns.probabilities
        truth, predicted = np.asarray(columns.truth), np.asarray(columns.predicted)
        true = {words[i] for i in _distinct(truth)} | (shares.used() if shares else set())
        named = {words[i] for i in _distinct(predicted)}
        self.labels = columns.words.resolve(true, named, probabilities.classes())
        self.probabilities, foreign = probabilities.matrix(self.labels)
        self.faults = _strangers(self.labels, probabilities, foreign, predicted, words)
        total = np.einsum("rc->r", self.probabilities) + foreign
        total = np.where(probabilities.present, total, 1.0)
        self.faults += not_shares(probabilities.what, self.probabilities, total)
        self.faults += probabilities.odd()
        if not probabilities.present.all():
            self.probabilities[~probabilities.present] = np.nan
        self.predicted = self.labels.of[predicted]
        self.pair: tuple[Floats, Floats] | None = None
        if shares is None:
            self.truths = self.truth = self.labels.of[truth]
            self.faults += unknown(self.truth < 0, lambda row: [words[truth[row]]])
        else:
            self.truths = self._people(shares)
            largest = self.truths.argmax(1) if self.truths.size else np.empty(0, np.int64)
            self.truth = largest  # the first of equal shares
            self.pair = self.truths, self.probabilities / np.where(total > 0, total, 1.0)[:, None]
            if (predicted < 0).any():
                likeliest = self.probabilities.argmax(1)
                self.predicted = np.where(predicted < 0, likeliest, self.predicted)

    def _people(self, shares: Shares) -> Floats:
        """Check people's shares, and scale them to add to one."""
        matrix, foreign = shares.matrix(self.labels)
        total = np.einsum("rc->r", matrix) + foreign
        votes = [number for (source, _), number in shares.layouts.items() if source is VOTES]
        counted = np.isin(np.asarray(shares.layout), votes)
        self.faults += unknown(foreign != 0, lambda row: shares.foreign(row, self.labels))
        self.faults += not_shares(shares.what, matrix, np.where(counted & (total > 0), 1.0, total))
        self.faults += [fault for fault in shares.odd() if not counted[fault.rows[0]]]
        return matrix / np.where(total > 0, total, 1.0)[:, None]

    @property
    def unpredicted(self) -> list[str]:
        """The true labels that no prediction can give."""
        true = {self.labels.names[i] for i in _distinct(self.truth)}
        return sorted(true - self.labels.predicted)

    def part(self, rows: Indices | slice) -> Part:
        """Return some of the records, ready for their figures."""
        arrays = (self.truth[rows], self.predicted[rows], self.probabilities[rows])
        scored = report.Scored(*arrays, self.options.absent_f1)
        if self.options.restrict == PRESENT:
            scored = restricted(scored)
        pair = self.pair and (self.pair[0][rows], self.pair[1][rows])
        return Part(scored, pair, self.labels.names, self.options)

    def control(self, others: Others) -> Frame:
        """Return the frame with the labels, and the mean shares, of others as predictions."""
        frame = copy.copy(self)
        frame.predicted = self.predicted.copy()
        frame.probabilities = np.full_like(self.probabilities, np.nan)
        rows = others.rows
        if self.pair is None:
            votes = np.eye(len(self.labels.names))[self.truth[rows]]
            frame.predicted[rows] = others.majority(votes)
            return frame
        frame.probabilities[rows] = others.mean(self.pair[0][rows])
        frame.predicted[rows] = frame.probabilities[rows].argmax(1)
        frame.pair = self.pair[0], frame.probabilities
        return frame


def _strangers(
    labels: Labels, probabilities: Shares, foreign: Floats, predicted: Indices, words: list[str]
) -> list[Fault]:
    """Return the rows whose prediction names a word without a label, or has no other classes."""
    named = (predicted >= 0) & (labels.of[predicted] < 0)
    faults = unknown(named, lambda row: [words[predicted[row]]], "prediction")
    return faults + unknown(
        foreign != 0, lambda row: probabilities.foreign(row, labels), "prediction"
    )


def _distinct(numbers: Indices) -> list[int]:
    """Return the distinct non-negative numbers; np.unique would sort them all."""
    return np.flatnonzero(np.bincount(numbers[numbers >= 0])).tolist()
