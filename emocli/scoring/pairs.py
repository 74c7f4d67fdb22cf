"""`score` for emotion-cause pairs, both subtasks of SemEval-2024 Task 3.

`label.causes` and `prediction.causes` list what caused the emotion of an utterance: `turn`, and for
subtask 1 either `text`, which is located in that turn as the scorer of the task does, or `start`
and `end`, words from 0 with an exclusive end. The emotion is the record's `emotion` on that side; a
predicted cause may have its own. Neutral has no causes.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np

from emocli.errors import RecordError
from emocli.metrics import emotion_cause
from emocli.metrics.determination import summed
from emocli.records import Record, label_reading
from emocli.records.labels import canonical
from emocli.scoring.columns import unscored
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Fault, Floats, Indices

Cause = tuple[int, str | tuple[int, int] | None, str]  # turn, words or their span, emotion

FIGURES = tuple(
    f"{average}_{kind}"
    for average in ("weighted", "micro")
    for kind in ("precision", "recall", "f1")
)
SETS = ("strict", "proportional", "utterances")
NAMES = tuple(f"{kind}.{figure}" for kind in SETS for figure in FIGURES)
CELLS = len(emotion_cause.EMOTIONS) * 4  # counts per record and set


class Pairs:
    """Columns of the causes on both sides, and the text of every utterance."""

    def __init__(self) -> None:
        self.texts: dict[tuple[Any, int], str] = {}
        self.places: list[tuple[Any, int]] = []  # dialogue and turn of each record taken
        self.gold: list[list[Cause]] = []
        self.predicted: list[list[Cause]] = []

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's causes, or return the reason not to; keep its text in any case."""
        turn, text = record.get("turn"), record.get("text")
        place = (repr(record.get("dialogue")), turn if type(turn) is int else -1)
        if type(text) is str and type(turn) is int:
            self.texts[place] = text
        if record.get("error"):
            return "error"
        true = label_reading.side(label, "label")
        if label_reading.emotion(true, "label") is None:
            return unscored(prediction, False)
        given = label_reading.side(prediction, "prediction")
        if label_reading.emotion(given, "prediction") is None and given.get("causes") is None:
            return unscored(prediction, True)
        if place[1] < 0:
            raise RecordError("no_turn", f"turn is not a number: {turn!r:.80}")
        gold, predicted = _causes(true, "label"), _causes(given, "prediction")
        self.places.append(place)
        self.gold.append(gold)
        self.predicted.append(predicted)
        return None

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the pairs of all records taken."""
        return Frame(self)


def _causes(side: Record, where: str) -> list[Cause]:
    causes, emotion = side.get("causes"), side.get("emotion")
    if causes is None or causes == {}:
        return []
    if type(causes) is not list:
        raise RecordError("bad_causes", f"{where}.causes is not a list: {causes!r:.80}")
    parsed = [_cause(cause, emotion, where) for cause in causes]
    return [cause for cause in parsed if cause[2] != "neutral"]


def _cause(cause: Any, emotion: Any, where: str) -> Cause:
    """Return (turn, words, emotion); RecordError if it is not a cause."""
    bad = RecordError(
        "bad_causes", f"{where}.causes has {cause!r:.80}: not turn, and text or words"
    )
    if type(cause) is not dict or type(cause.get("turn")) is not int:
        raise bad
    word = emotion if cause.get("emotion") is None else cause["emotion"]
    label = canonical(word) if type(word) is str else None
    if label is None:
        raise RecordError("unknown_label", f"unknown emotion '{word}' of a {where}'s cause")
    text, start, end = (cause.get(key) for key in ("text", "start", "end"))
    if type(text) is str:
        return cause["turn"], text, label
    if type(start) is int and type(end) is int and 0 <= start <= end:
        return cause["turn"], (start, end), label
    if text is not None or start is not None or end is not None:
        raise bad
    return cause["turn"], None, label


class Frame:
    """All records as counts (records, sets, emotions, 4), which add up over records.

    A record takes the place of a conversation in the scorer's counts: no two records share a pair.
    """

    truths = None
    unpredicted: list[str] = []  # noqa: RUF012  # there are no labels

    def __init__(self, columns: Pairs) -> None:
        self.texts, self.places = columns.texts, columns.places
        self.faults: list[Fault] = []
        sides = (columns.gold, columns.predicted)
        self.spans = all(any(c[1] is not None for row in side for c in row) for side in sides)
        rows = [[self._rows(i, causes) for i, causes in enumerate(side)] for side in sides]
        gold, predicted = (_array([*itertools.chain.from_iterable(side)]) for side in rows)
        records = len(columns.places)
        counts = np.full((records, len(SETS), len(emotion_cause.EMOTIONS), 4), np.nan)
        if self.spans:
            counts[:, 0] = emotion_cause.strict_counts(gold, predicted, records)
            counts[:, 1] = emotion_cause.proportional_counts(gold, predicted, records)
        turns = [0, 1, 2, 5]
        counts[:, 2] = emotion_cause.strict_counts(gold[:, turns], predicted[:, turns], records)
        self.counts = counts

    def _rows(self, record: int, causes: list[Cause]) -> list[tuple[int, ...]]:
        """Return the pairs of a record as the scorer counts them."""
        dialogue, turn = self.places[record]
        rows: list[tuple[int, ...]] = []
        for cause, words, emotion in causes:
            span = (0, 0)
            if self.spans and words is None:
                self._refuse(record, "no_words", f"a cause in turn {cause} without words")
            elif self.spans and isinstance(words, str):
                if (dialogue, cause) not in self.texts:
                    self._refuse(record, "no_text", f"the text of turn {cause} is missing")
                span = emotion_cause.cause_span(words, self.texts.get((dialogue, cause), ""))
            elif self.spans and isinstance(words, tuple):
                span = words
            place = emotion_cause.EMOTIONS.index(emotion)
            rows.append((record, turn, cause, *span, place))
        return rows

    def _refuse(self, record: int, code: str, text: str) -> None:
        self.faults.append(Fault(code, np.array([record]), partial(_same, text)))

    def part(self, rows: Indices | slice) -> Part:
        """Return some of the records, ready for their figures."""
        return Part(self.counts[rows])

    def control(self, _: Others) -> None:
        """Return None: causes are in a dialogue, not in a stimulus."""


def _same(text: str, _: int) -> str:
    return text


def _array(rows: list[tuple[int, ...]]) -> Indices:
    return np.array(rows, np.int64).reshape(-1, 6)


class Part:
    """The figures of some records."""

    def __init__(self, counts: Floats) -> None:
        self.counts = counts

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        return summed(self.counts.reshape(len(self.counts), len(SETS) * CELLS), clusters, count)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        shape = (*total.shape[:-1], len(SETS), len(emotion_cause.EMOTIONS), 4)
        sets = total.reshape(shape)
        metrics: dict[str, Floats] = {}
        for i, kind in enumerate(SETS):
            of_set = emotion_cause.figures(sets[..., i, :, :])
            metrics |= {f"{kind}.{figure}": of_set[figure] for figure in FIGURES}
        return metrics

    def details(self) -> Record:
        """Return the number of distinct pairs on both sides."""
        counts = self.counts[:, SETS.index("utterances")]
        return {"pairs": int(counts[..., 2].sum()), "predicted_pairs": int(counts[..., 1].sum())}
