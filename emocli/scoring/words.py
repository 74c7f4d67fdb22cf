"""Labels and numbers by label, as `score` keeps them: word by number, values in one long array."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.errors import RecordError
from emocli.metrics.distribution import SUM_TOLERANCE
from emocli.records.labels import EMOTIONS, canonical, ordered

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Fault:
    """Rows of a task that turned out to be wrong, and what to say of one."""

    code: str
    rows: Indices
    message: Callable[[int], str]


@dataclass(frozen=True)
class Labels:
    """The labels in their order, the label of each word (or -1), and those predictions can give."""

    names: list[str]
    of: Indices
    predicted: set[str]


class Words:
    """Words by number, in the order in which they came."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}

    def add(self, word: str) -> int:
        """Return the number of a word."""
        return self.number.setdefault(word, len(self.number))

    def resolve(self, true: Iterable[str], predicted: Iterable[str]) -> Labels:
        """Return the labels of the words that truth and predictions use.

        A word that both use stays. One that only one side uses is read as one of the seven ("calm"
        in the truth is neutral to a model of seven labels). A true word that is then neither one
        of the seven nor any prediction's has no label: -1.
        """
        true, predicted = set(true), set(predicted)
        words = list(self.number)
        both = true & predicted
        read = {w: w if w in both else canonical(w) or w for w in words}
        can_predict = {read[word] for word in predicted}
        names = ordered({read[w] for w in true | predicted} & {*EMOTIONS, *can_predict})
        place = {label: i for i, label in enumerate(names)}
        return Labels(
            names, np.array([place.get(read[w], -1) for w in words], np.int64), can_predict
        )


class Shares:
    """Numbers by word of each record: probabilities, shares, saliences.

    `source` is whose they are (a model, a dataset): its records must name the same words.
    """

    def __init__(self, words: Words, what: str) -> None:
        self.words, self.what = words, what
        self.layouts: dict[tuple[Any, tuple[str, ...]], int] = {(None, ()): 0}
        self.layout, self.values = array("i"), array("d")
        self._source: Any = None
        self._names: tuple[str, ...] = ()
        self._number = 0

    def add(self, numbers: dict[str, float], source: Any = None) -> None:
        """Keep a record's numbers; RecordError where they are none."""
        try:
            self.values.fromlist([*numbers.values()])
        except (AttributeError, TypeError, OverflowError):
            raise RecordError(
                f"bad_{self.what}", f"not numbers in {self.what}: {numbers!r:.80}"
            ) from None
        names = tuple(numbers)
        if names != self._names or source != self._source:  # most are as the one before
            self._names, self._source = names, source
            self._number = self.layouts.setdefault((source, names), len(self.layouts))
        self.layout.append(self._number)

    def skip(self) -> None:
        """Keep that a record has none."""
        self.layout.append(0)

    def undo(self) -> None:
        """Take back what the last record has."""
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

    def used(self) -> set[str]:
        """Return the words of all records, each of which has a number then."""
        names = {name for _, layout in self.layouts for name in layout}
        for name in sorted(names - self.words.number.keys()):
            self.words.add(name)
        return names

    def matrix(self, labels: Labels) -> tuple[Floats, Floats]:
        """Return the numbers (records, labels), zero where not named, and what has no label.

        The second is the sum of the numbers of words without a label, (records,).
        """
        values, layout = np.asarray(self.values), np.asarray(self.layout)
        names = self._names
        if (
            len(names)
            and len(values) == len(layout) * len(names)
            and (layout == self._number).all()
        ):
            places = [int(labels.of[self.words.number[name]]) for name in names]
            if places == list(range(len(labels.names))):  # all of them as they are wanted
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
        """Yield the records that name other words than most of their source do."""
        counts = np.bincount(np.asarray(self.layout), minlength=len(self.layouts))
        usual: dict[Any, Counter[frozenset[str]]] = {}
        layouts = [(*key, number) for key, number in self.layouts.items() if number]
        for source, names, number in layouts:
            usual.setdefault(source, Counter())[frozenset(names)] += int(counts[number])
        for source, names, number in layouts:
            most = usual[source].most_common(1)[0][0]
            if frozenset(names) != most:
                classes = f"{self.what} of {len(names)} classes ({', '.join(names)})"
                text = f"{classes}, not of {len(most)} ({', '.join(sorted(most))}) as the others"
                rows = np.flatnonzero(np.asarray(self.layout) == number)
                yield Fault("wrong_classes", rows, partial(_same, text))


def not_shares(what: str, matrix: Floats, total: Floats) -> list[Fault]:
    """Return the rows that are no distribution: negative, zero, or adding to another than 1."""
    bad = ~(np.abs(total - 1) <= SUM_TOLERANCE)
    if matrix.size and matrix.min() < 0:
        bad |= np.any(matrix < 0, axis=1)

    def message(row: int) -> str:
        if matrix[row].min() < 0:
            return f"{what} has {matrix[row].min():g}: none can be negative"
        return f"{what} adds to {total[row]:.4g}, not to 1"

    return faults_of(f"bad_{what}", bad, message)


def unknown(bad: NDArray[np.bool_], words: Callable[[int], list[str]]) -> list[Fault]:
    """Return the rows whose true label is neither one of the seven nor any prediction's."""

    def message(row: int) -> str:
        named = ", ".join(f"'{word}'" for word in words(row))
        return f"unknown emotion {named}: not one of the seven, and no prediction's"

    return faults_of("unknown_label", bad, message)


def faults_of(code: str, bad: NDArray[np.bool_], message: Callable[[int], str]) -> list[Fault]:
    """Return the fault of some rows, if there are any."""
    return [Fault(code, np.flatnonzero(bad), message)] if bad.any() else []


def _same(text: str, _: int) -> str:
    return text
