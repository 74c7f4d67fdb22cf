"""The corpora that the text half of the default predictor learns from, and what each can say.

A corpus knows some of the seven labels: what it does not know it says nothing about, so that its
examples are asked among its own labels only, in training and in figures. EmoContext's "others" and
ISEAR's shame and guilt mean none of the seven and are left out, and so are ISEAR's answers in
brackets, such as "[ No response.]", which are no situations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emocli.datasets import emocontext, goemotions, isear, meld
from emocli.records.labels import EMOTIONS

READERS = {m.__name__.rpartition(".")[2]: m for m in (goemotions, meld, isear, emocontext)}
NAMES = tuple(READERS)
KNOWN = {
    "goemotions": EMOTIONS,
    "meld": EMOTIONS,
    "isear": ("joy", "sadness", "anger", "fear", "disgust"),
    "emocontext": ("joy", "sadness", "anger"),
}
HELD_OUT = 38  # of the 256 values of a byte: 15 % of what has no published dev split
SHUFFLED = "2"  # of the hash that orders examples, so that the first n are a sample

Record = dict[str, Any]


class Corpus(NamedTuple):
    """A corpus in two parts that share no speaker, dialogue or comment, in the order of a hash."""

    train: list[Record]
    test: list[Record]


def read(data: Path, name: str) -> Corpus:
    """Return what of a corpus has one of its labels."""
    corpus = Corpus([], [])
    for record in _labelled(READERS[name].read(data / name)):
        corpus[int(_is_test(record))].append(record)
    for part in corpus:
        part.sort(key=lambda record: _digest(SHUFFLED + record["id"]))
    return corpus


def _labelled(records: Iterator[Record]) -> Iterator[Record]:
    for record in records:
        if record.get("label", {}).get("emotion") and record["text"].strip() and _answers(record):
            yield record


def _answers(record: Record) -> bool:
    """Return whether a report of ISEAR is one."""
    return record["dataset"] != "isear" or not record["text"].startswith("[")


def _is_test(record: Record) -> bool:
    """Return whether a record is measured on: the published dev split, else 15 % by a hash."""
    if record["dataset"] in ("goemotions", "meld"):
        return bool(record["split"] == "dev")
    return _digest(cluster(record))[0] < HELD_OUT


def cluster(record: Record) -> str:
    """Return what a record shares with others of its kind: the dialogue, subject or comment."""
    return str(record.get("dialogue") or record.get("speaker") or record["id"])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def known(name: str) -> np.ndarray:
    """Return which of the seven labels a corpus has: (classes,)."""
    return np.array([label in KNOWN[name] for label in EMOTIONS])


def targets(records: list[Record]) -> np.ndarray:
    """Return (records, classes): half on the first label, half on all of them evenly."""
    rows = np.zeros((len(records), len(EMOTIONS)), np.float32)
    for row, record in zip(rows, records, strict=True):
        multi = [EMOTIONS.index(label) for label in _several(record["label"])]
        row[multi] = 0.5 / len(multi)
        row[multi[0]] += 0.5
    return rows


def _several(label: Record) -> list[str]:
    return label.get("multi") or [label["emotion"]]


def truth(records: list[Record]) -> np.ndarray:
    """Return the first labels (records,), as places in EMOTIONS."""
    return np.array([EMOTIONS.index(record["label"]["emotion"]) for record in records])
