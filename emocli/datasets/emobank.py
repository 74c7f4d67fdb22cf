"""EmoBank: 10,062 English sentences with ratings of valence, arousal and dominance; text.

Buechel and Hahn, "EmoBank: Studying the Impact of Annotation Perspective and Representation Format
on Dimensional Emotion Analysis", EACL 2017, https://aclanthology.org/E17-2092
Files: https://github.com/JULIELab/EmoBank, CC BY-SA 4.0 (its README: CC BY 4.0).

Expects `emobank.csv` (id, split, V, A, D, text), a folder with it, or its `corpus/`. Where
`individual_reader_ratings.csv` (id, V, A, D) lies beside it, `label.ratings` has the ratings of
each reader, five to seven readers a sentence.

`label.valence`, `label.arousal` and `label.dominance` are the published figures, from 1 to 5, 3 in
the middle: they combine readers and writers, so they are not the means of `label.ratings`.
There is no `label.emotion`. `document` is the start of the id.

Cautions: two thirds of the readers' ratings are 3; raters have no names, so nobody can be followed
from one sentence to another; the splits share documents, 97 of 102 of train and dev.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import datasets
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables

EXPECTED = "a folder with EmoBank's emobank.csv, or that file"
DIMENSIONS = {"V": "valence", "A": "arousal", "D": "dominance"}
DOCUMENT = re.compile(r"(_\d+)+$")  # where in the document: 110CYL068_1036_1079
LOW, HIGH = 1, 5  # of every rating
READERS = "individual_reader_ratings.csv"

Ratings = dict[str, dict[str, list[float]]]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a record per sentence, in the order of the table."""
    table = _table(datasets.exists(path, EXPECTED))
    readers = table.parent / READERS
    ratings = _ratings(readers) if readers.exists() else {}
    for where, row in tables.cells(table, ("id", "split", *DIMENSIONS, "text")):
        yield _record(row, ratings.get(row["id"]), where)


def _table(path: Path) -> Path:
    if path.is_file():
        return path
    for table in (path / "emobank.csv", path / "corpus" / "emobank.csv"):
        if table.exists():
            return table
    raise EmptyInputError(f"{path}: no table here", hint=f"expected {EXPECTED}")


def _ratings(table: Path) -> Ratings:
    ratings: Ratings = {}
    for where, row in tables.cells(table, ("id", *DIMENSIONS)):
        entry = ratings.setdefault(row["id"], {name: [] for name in DIMENSIONS.values()})
        for column, name in DIMENSIONS.items():
            entry[name].append(_rating(row[column], column, where))
    return ratings


def _record(
    row: dict[str, str], ratings: dict[str, list[float]] | None, where: str
) -> dict[str, Any]:
    label: dict[str, Any] = {
        name: _rating(row[column], column, where) for column, name in DIMENSIONS.items()
    }
    return {
        "id": f"emobank/{row['id']}",
        "dataset": "emobank",
        **({"split": row["split"]} if row["split"] else {}),
        "document": DOCUMENT.sub("", row["id"]),
        "language": "en",
        "text": row["text"],
        "label": label | ({"ratings": ratings} if ratings else {}),
    }


def _rating(cell: str, column: str, where: str) -> float:
    try:
        value = tables.number(cell)
    except ValueError:
        value = math.nan
    if not LOW <= value <= HIGH:
        raise MalformedError(f"{where}: {column} is not a number from {LOW} to {HIGH}: '{cell}'")
    return value
