"""The overlap of training and scored records: speakers, dialogues, texts, stimuli, trials."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

from emocli.records import Record
from emocli.records.texts import composed

KINDS = ("speakers", "dialogues", "texts")
PRESENTED = ("stimuli", "trials")  # kinds that are told of only where records have them
ONE = {"stimuli": "stimulus"}  # of kinds whose singular is not the word without its last letter
TRAIN = "train"
BOTH = "speaker,stimulus"


class Shared:
    """Counts of the speakers, dialogues, texts (case-folded), stimuli and trials of each side.

    Without `train` the sides are the records whose split is train, and those of another split. Of
    records with a `fold` of `train --cv` each fold is a side, for stimuli and trials.
    """

    def __init__(self, train: Iterable[Record] | None = None) -> None:
        self.from_file = train is not None
        kinds = (*KINDS, *PRESENTED)
        self._train: dict[str, set[Any]] = {kind: set() for kind in kinds}
        self._scored: dict[str, Counter[Any]] = {kind: Counter() for kind in kinds}
        self._folds: dict[str, dict[Any, Counter[str]]] = {kind: {} for kind in PRESENTED}
        for record in train or ():
            self._learn(record)

    def add(self, record: Record) -> None:
        """Count a record of the input."""
        if (fold := record.get("fold")) is not None:
            for kind, value in _presented(record):
                self._folds[kind].setdefault(value, Counter())[str(fold)] += 1
        split = record.get("split")
        if not self.from_file:
            if split is None:
                return
            if split == TRAIN:
                self._learn(record)
                return
        for kind, value in _about(record):
            self._scored[kind][value] += 1

    def _learn(self, record: Record) -> None:
        for kind, value in _about(record):
            self._train[kind].add(value)

    def counts(self) -> dict[str, tuple[int, int]] | None:
        """Return how many of each kind are on both sides, and of how many scored records.

        None if there is only one side. Stimuli and trials are there if scored records have them.
        """
        if not self.from_file and not (any(self._train.values()) and any(self._scored.values())):
            return None
        kinds = (*KINDS, *(kind for kind in PRESENTED if self._scored[kind]))
        both = {kind: self._train[kind] & self._scored[kind].keys() for kind in kinds}
        return {
            kind: (len(values), sum(self._scored[kind][value] for value in values))
            for kind, values in both.items()
        }

    def by_fold(self) -> dict[str, tuple[int, int]]:
        """Return how many stimuli and trials a model of --cv was trained and tested on.

        And how many records these are. A model of fold 2, or of the cell "2,1" of two fields, was
        trained on folds that differ from it in every field.
        """
        found = {}
        for kind, folds_of in self._folds.items():
            shared = [counts for counts in folds_of.values() if _differ(counts)]
            if folds_of:
                found[kind] = len(shared), sum(counts.total() for counts in shared)
        return found


def _differ(folds: Iterable[str]) -> bool:
    """Say whether some two folds differ in every field.

    >>> _differ(["1", "2"]), _differ(["1,1", "2,1"]), _differ(["1,1", "2,1", "1,2"])
    (True, False, True)
    """
    parts = [fold.split(",") for fold in folds]
    pairs = itertools.combinations(parts, 2)
    return any(all(a != b for a, b in zip(*pair, strict=False)) for pair in pairs)


def _presented(record: Record) -> Iterable[tuple[str, Any]]:
    """Yield the stimulus and the trial of a record; a trial is one of its speaker."""
    if (stimulus := record.get("stimulus")) is not None:
        yield "stimuli", str(stimulus)
    if (trial := record.get("trial")) is not None:
        yield "trials", (str(record.get("speaker")), str(trial))


def _about(record: Record) -> Iterable[tuple[str, Any]]:
    """Yield what a record can share; texts as hashes, to save memory."""
    for kind, name in (("speakers", "speaker"), ("dialogues", "dialogue")):
        if (value := record.get(name)) is not None:
            yield kind, value if type(value) is str else repr(value)
    text = record.get("text")
    if type(text) is str and text.strip():
        yield "texts", hash(" ".join(composed(text).casefold().split()))
    yield from _presented(record)


def summary(counts: dict[str, tuple[int, int]]) -> str:
    """Return the text for stderr, or "" if nothing is shared.

    >>> summary({"speakers": (2, 40), "dialogues": (0, 0), "texts": (1, 3)})
    '2 speakers (40 records), 1 text (3 records)'
    """
    parts = [
        f"{count} {kind if count > 1 else ONE.get(kind, kind[:-1])} "
        f"({rows} record{'s' * (rows > 1)})"
        for kind, (count, rows) in counts.items()
        if count
    ]
    return ", ".join(parts)


def presented(counts: dict[str, tuple[int, int]]) -> str:
    """Return the warning of stimuli and trials that are on both sides, or "" if none are.

    >>> presented({"stimuli": (12, 480), "trials": (0, 0)})  # doctest: +ELLIPSIS
    '12 stimuli (480 records) are on both sides of the split: ... speaker,stimulus holds both out'
    """
    found = {kind: counts[kind] for kind in PRESENTED if counts.get(kind, (0, 0))[0]}
    if not found:
        return ""
    verb = "is" if sum(count for count, _ in found.values()) == 1 else "are"
    text = f"{summary(found)} {verb} on both sides of the split"
    if "trials" in found:
        return f"{text}: windows of one trial resemble each other, keep them together"
    return f"{text}: figures also measure the stimulus; emocli train --cv {BOTH} holds both out"
