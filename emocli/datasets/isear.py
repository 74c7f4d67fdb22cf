"""ISEAR: 7,666 reports of situations in which their authors felt one of seven emotions; text.

Scherer and Wallbott, "Evidence for universality and cultural variation of differential emotion
response patterning", Journal of Personality and Social Psychology 66(2), 1994,
https://doi.org/10.1037/0022-3514.66.2.310
Files: https://www.unige.ch/cisa/research/materials-and-online-research/research-material, free for
research.

Expects `isear.csv` (id, speaker, text, emotion) or a folder with it. `speaker` is the subject, who
reports one situation for each emotion: keep subjects in one split. The label is the emotion that
was asked for, and the text seldom names it. Shame and guilt are none of the seven common labels:
their `label.emotion` is null (--labels original keeps them).

Cautions: some answers are no situations but notes in brackets, such as "[ No response.]"; nothing
is neutral and nobody is surprised; the English of many reports is translated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import datasets
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import labels

EXPECTED = "a folder with ISEAR's isear.csv (id, speaker, text, emotion), or that file"
COLUMNS = ("id", "speaker", "text", "emotion")
OTHERS = ("shame", "guilt")  # which no common label means


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a record per report, in the order of the table."""
    for where, row in tables.cells(_table(datasets.exists(path, EXPECTED)), COLUMNS):
        yield _record(row, where)


def _table(path: Path) -> Path:
    if path.is_file():
        return path
    if not (table := path / "isear.csv").exists():
        raise EmptyInputError(f"{path}: no table here", hint=f"expected {EXPECTED}")
    return table


def _record(row: dict[str, str], where: str) -> dict[str, Any]:
    word = row["emotion"]
    emotion = labels.canonical(word)
    if emotion is None and word.casefold() not in OTHERS:
        raise MalformedError(f"{where}: unknown ISEAR emotion '{word}'")
    return {
        "id": f"isear/{row['id'].removeprefix('isear-')}",
        "dataset": "isear",
        "speaker": f"isear-{row['speaker']}",
        "language": "en",
        "text": row["text"],
        "label": {"emotion": emotion, "original": word},
    }
