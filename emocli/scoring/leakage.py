"""The overlap of training and scored records: speakers, dialogues, texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from emocli.records import Record
from emocli.records.texts import composed

KINDS = ("speakers", "dialogues", "texts")
TRAIN = "train"


class Shared:
    """Counts of the speakers, dialogues and texts (case-folded) of each side.

    Without `train` the sides are the records whose split is train, and those of another split.
    """

    def __init__(self, train: Iterable[Record] | None = None) -> None:
        self.from_file = train is not None
        self._train: dict[str, set[Any]] = {kind: set() for kind in KINDS}
        self._scored: dict[str, Counter[Any]] = {kind: Counter() for kind in KINDS}
        for record in train or ():
            self._learn(record)

    def add(self, record: Record) -> None:
        """Count a record of the input."""
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

        None if there is only one side.
        """
        if not self.from_file and not (any(self._train.values()) and any(self._scored.values())):
            return None
        both = {kind: self._train[kind] & self._scored[kind].keys() for kind in KINDS}
        return {
            kind: (len(values), sum(self._scored[kind][value] for value in values))
            for kind, values in both.items()
        }


def _about(record: Record) -> Iterable[tuple[str, Any]]:
    """Yield what a record can share; texts as hashes, to save memory."""
    for kind, name in (("speakers", "speaker"), ("dialogues", "dialogue")):
        if (value := record.get(name)) is not None:
            yield kind, value if type(value) is str else repr(value)
    text = record.get("text")
    if type(text) is str and text.strip():
        yield "texts", hash(" ".join(composed(text).casefold().split()))


def summary(counts: dict[str, tuple[int, int]]) -> str:
    """Return the text for stderr, or "" if nothing is shared.

    >>> summary({"speakers": (2, 40), "dialogues": (0, 0), "texts": (1, 3)})
    '2 speakers (40 records), 1 text (3 records)'
    """
    parts = [
        f"{count} {kind if count > 1 else kind[:-1]} ({rows} record{'s' * (rows > 1)})"
        for kind, (count, rows) in counts.items()
        if count
    ]
    return ", ".join(parts)
