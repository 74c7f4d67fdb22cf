"""Labels and numbers by label in compact columns: numbered words, values in one long array."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.metrics.distribution import SUM_TOLERANCE
from emocli.records import label_reading
from emocli.records.labels import EMOTIONS, canonical, ordered

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Fault:
    """Invalid rows of a task, and the message for one of them."""

    code: str
    rows: Indices
    message: Callable[[int], str]


@dataclass(frozen=True)
class Labels:
    """The labels in order, the label of each word (or -1), and those that predictions can give."""

    names: list[str]
    of: Indices
    predicted: set[str]


class Words:
    """Words, numbered in the order in which they first occur."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}

    def add(self, word: str) -> int:
        """Return the number of a word."""
        return self.number.setdefault(word, len(self.number))

    def resolve(
        self, true: Iterable[str], named: Iterable[str], classes: Iterable[tuple[str, ...]] = ()
    ) -> Labels:
        """Return the labels of the words that truth and predictions use.

        `named` are the words that predictions name, `classes` those that probabilities go to. A
        word that both sides use is kept. One that only one side uses is mapped to one of the seven
        ("calm" in the truth is neutral for a model of seven labels). A true word that is then
        neither one of the seven nor used by a prediction has no label: -1. Nor has a predicted
        word that is neither one of the seven, nor a true one, nor a class beside such a one.
        """
        true, groups = set(true), [set(words) for words in classes]
        predicted = set(named).union(*groups)
        words = list(self.number)
        both = true & predicted
        label_of = {w: w if w in both else canonical(w) or w for w in words}
        known = {*EMOTIONS, *(label_of[word] for word in true)}
        for group in groups:
            labels = {label_of[word] for word in group}
            known |= labels if labels & known else set()
        can_predict = {label_of[word] for word in predicted} & known
        names = ordered({label_of[w] for w in true | predicted} & {*EMOTIONS, *can_predict})
        place = {label: i for i, label in enumerate(names)}
        indices = np.array([place.get(label_of[w], -1) for w in words], np.int64)
        return Labels(names, indices, can_predict)


class Shares:
    """Numbers by word for each record: probabilities, shares, saliences.

    `source` is their origin (a model, a dataset), all records of which must name the same words.
    """

    def __init__(self, words: Words, what: str, side: str = "label") -> None:
        self.words, self.what, self.side = words, what, side
        self.layouts: dict[tuple[Any, tuple[str, ...]], int] = {(None, ()): 0}
        self.layout, self.values = array("i"), array("d")
        self._source: Any = None
        self._names: tuple[str, ...] = ()
        self._number = 0

    def add(self, numbers: dict[str, float], source: Any = None) -> None:
        """Keep a record's numbers; RecordError if the values are not numbers."""
        try:
            values = [*numbers.values()]
            if bool in map(type, values):
                raise TypeError
            self.values.fromlist(values)
        except (AttributeError, TypeError, OverflowError):  # nulls, or no numbers
            numbers = label_reading.numbers({self.what: numbers}, self.what, self.side)
            self.values.fromlist([*numbers.values()])
        names = tuple(numbers)
        if names != self._names or source != self._source:  # mostly the same as before
            self._names, self._source = names, source
            origin = source if isinstance(source, str | None) else repr(source)
            self._number = self.layouts.setdefault((origin, names), len(self.layouts))
        self.layout.append(self._number)

    def skip(self) -> None:
        """Note that a record has no numbers."""
        self.layout.append(0)

    def undo(self) -> None:
        """Remove the numbers of the last record."""
        del self.values[len(self.values) - len(self._of(self.layout.pop())) :]

    def _of(self, number: int) -> tuple[str, ...]:
        return next(names for (_, names), i in self.layouts.items() if i == number)

    def foreign(self, row: int, labels: Labels) -> list[str]:
        """Return the words of a record that have no label."""
        names = self._of(self.layout[row])
        return [name for name in names if labels.of[self.words.number[name]] < 0]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which records have numbers."""
        return np.asarray(self.layout) != 0

    def classes(self) -> list[tuple[str, ...]]:
        """Return the words of each layout, after numbering those that have no number yet."""
        self.used()
        return [names for _, names in self.layouts]

    def used(self) -> set[str]:
        """Return the words of all records, after numbering those that have no number yet."""
        names = {name for _, layout in self.layouts for name in layout}
        for name in sorted(names - self.words.number.keys()):
            self.words.add(name)
        return names

    def matrix(self, labels: Labels) -> tuple[Floats, Floats]:
        """Return the numbers (records, labels), zero for missing labels, and the unlabelled sums.

        The latter are the sums of the numbers of words without a label, (records,).
        """
        values, layout = np.asarray(self.values), np.asarray(self.layout)
        names = self._names
        if (
            len(layout)
            and len(names)
            and len(values) == len(layout) * len(names)
            and (layout == self._number).all()
        ):
            places = [int(labels.of[self.words.number[name]]) for name in names]
            if places == list(range(len(labels.names))):  # the values are already in this order
                return values.reshape(len(layout), -1), np.zeros(len(layout))
        lengths = np.array([len(names) for _, names in self.layouts])
        starts = np.cumsum(lengths[layout]) - lengths[layout]
        result = np.zeros((len(layout), len(labels.names)))
        unknown = np.zeros(len(layout))
        for (_, names), number in self.layouts.items():
            rows = np.flatnonzero(layout == number)
            for offset, name in enumerate(names):
                place = labels.of[self.words.number[name]]
                column = values[starts[rows] + offset]
                if place >= 0:
                    result[rows, place] += column
                else:
                    unknown[rows] += column
        return result, unknown

    def odd(self) -> Iterator[Fault]:
        """Yield the records that name other words than most records of their source."""
        counts = np.bincount(np.asarray(self.layout), minlength=len(self.layouts))
        by_source: dict[Any, Counter[frozenset[str]]] = {}
        layouts = [(*key, number) for key, number in self.layouts.items() if number]
        for source, names, number in layouts:
            by_source.setdefault(source, Counter())[frozenset(names)] += int(counts[number])
        for source, names, number in layouts:
            expected = by_source[source].most_common(1)[0][0]
            if frozenset(names) != expected:
                classes = f"{self.what} of {len(names)} classes ({', '.join(names)})"
                others = f"{len(expected)} ({', '.join(sorted(expected))})"
                text = f"{classes}, others have {others}"
                rows = np.flatnonzero(np.asarray(self.layout) == number)
                yield Fault("wrong_classes", rows, partial(_same, text))


def not_shares(what: str, matrix: Floats, total: Floats) -> list[Fault]:
    """Return the rows that are not a distribution: with a negative value, or not adding to 1."""
    bad = ~(np.abs(total - 1) <= SUM_TOLERANCE)
    if matrix.size and matrix.min() < 0:
        bad |= np.any(matrix < 0, axis=1)

    def message(row: int) -> str:
        if matrix[row].min() < 0:
            return f"{what} has the negative value {matrix[row].min():g}"
        return f"{what} adds to {total[row]:.4g}, not to 1"

    return faults_of(f"bad_{what}", bad, message)


def unknown(
    bad: NDArray[np.bool_], words: Callable[[int], list[str]], side: str = "label"
) -> list[Fault]:
    """Return the rows with a word that has no label, as `Words.resolve` says, on one side."""
    other = {"label": "prediction", "prediction": "label"}[side]
    where = "" if side == "label" else " in the prediction"

    def message(row: int) -> str:
        quoted = ", ".join(f"'{word}'" for word in words(row))
        return f"unknown emotion {quoted}{where}: not one of the seven, and not in any {other}"

    return faults_of(f"unknown_{side}", bad, message)


def faults_of(code: str, bad: NDArray[np.bool_], message: Callable[[int], str]) -> list[Fault]:
    """Return a fault of the bad rows, if there are any."""
    return [Fault(code, np.flatnonzero(bad), message)] if bad.any() else []


def _same(text: str, _: int) -> str:
    return text
