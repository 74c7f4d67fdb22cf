"""EmoContext: 38,424 chats of three turns, the emotion of the last one labelled; text.

Chatterjee, Narahari, Joshi and Agrawal, "SemEval-2019 Task 3: EmoContext: Contextual Emotion
Detection in Text", SemEval 2019, https://doi.org/10.18653/v1/S19-2005
Files: https://www.humanizing-ai.com/emocontext.html, research use.

Expects `train.tsv`, `dev.tsv` or `test.tsv` (or .txt, as published: id, turn1, turn2, turn3, label;
tab separated), a folder with some of them, or one such table; a table without labels will do. A
chat is three records of one `dialogue`, `turn` 0 to 2, and the label stands in the third alone:
`encode --context 2` gives it the two before. Turns 0 and 2 are written by the same person.

The labels are happy, sad, angry and others. "others" says only that it is none of the three: it is
not neutral, so its `label.emotion` is null (--labels original keeps it).

Cautions: half of train is "others", and 85 % of dev and test; who writes is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import datasets
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import labels

EXPECTED = "a folder with EmoContext's train.tsv, dev.tsv or test.tsv, or one table"
SPLITS = ("train", "dev", "test")
SUFFIXES = (".tsv", ".txt")
TURNS = ("turn1", "turn2", "turn3")
OTHERS = "others"  # which no common label means


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield three records per chat, the splits in the order train, dev, test."""
    for table in _tables(datasets.exists(path, EXPECTED)):
        for where, row in tables.cells(table, ("id", *TURNS), tabs=True):
            yield from _chat(row, table.stem, where)


def _tables(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    existing = []
    for split in SPLITS:
        places = (path / f"{split}{suffix}" for suffix in SUFFIXES)
        existing += [table for table in places if table.exists()][:1]
    if not existing:
        raise EmptyInputError(f"{path}: no table here", hint=f"expected {EXPECTED}")
    return existing


def _chat(row: dict[str, str], name: str, where: str) -> Iterator[dict[str, Any]]:
    dialogue = f"emocontext/{name}/{row['id']}"
    label = _label(row["label"], where) if row.get("label") else None
    for turn, column in enumerate(TURNS):
        record: dict[str, Any] = {"id": f"{dialogue}_turn{turn}", "dataset": "emocontext"}
        record |= {"split": name} if name in SPLITS else {}
        record |= {"dialogue": dialogue, "turn": turn, "language": "en", "text": row[column]}
        yield record | ({"label": label} if label and turn == len(TURNS) - 1 else {})


def _label(word: str, where: str) -> dict[str, Any]:
    emotion = labels.canonical(word)
    if emotion is None and word.casefold() != OTHERS:
        raise MalformedError(f"{where}: unknown EmoContext label '{word}'")
    return {"emotion": emotion, "original": word}
