"""The label of a row of MMEVerse: emotion, polarity, intent, several, or open vocabulary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emocli.errors import MalformedError
from emocli.io import tables
from emocli.records import Record, labels

SIGNS = ("negative", "neutral", "positive")
BETWEEN = re.compile(r"[;,]")  # words of such a list
QUOTED = re.compile(r"^\[|\]$|['\"]")  # around them, where a list was written by a program
EMPTY = ("", "nan", "none")


def label(about: Mapping[str, Any], row: tables.Cells, where: str) -> Record:
    """Return the label of a row of a corpus; {} where it has none.

    Raises MalformedError for a polarity that is neither a word nor a number.
    """
    found: Record = {}
    cells = {kind: row.get(column, "").strip() for kind, column in about["labels"].items()}
    for kind, cell in cells.items():
        if cell.lower() in EMPTY:
            continue
        if kind == "emotion":
            found["original"] = about.get("said", {}).get(cell, cell)
        elif kind == "polarity":
            found |= _polarity(cell, where)
        elif kind == "intent":
            found["intent"] = cell
        else:
            found["multi_original"] = words(cell)
    return _of_seven(found)


def words(cell: str) -> list[str]:
    """Return the words of a list, each once.

    >>> words("anger, Fear;anger"), words("['sad', 'low']")
    (['anger', 'Fear'], ['sad', 'low'])
    """
    parts = (QUOTED.sub("", part.strip()) for part in BETWEEN.split(QUOTED.sub("", cell.strip())))
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def foreign(record: Record, where: str) -> list[str]:
    """Return the words of a label that its corpus does not list, with their place."""
    label, spaces = record.get("label", {}), record.get("label_space", {})
    fields = {"emotion": "original", "multi": "multi_original"}
    found = []
    for kind, listed in spaces.items():
        given = label.get(fields.get(kind, kind), [])
        for word in [given] if isinstance(given, str) else given:
            if not _is_in(word, listed):
                found.append(f"{where}: '{word:.40}'")
    return found


def _is_in(word: str, listed: list[str]) -> bool:
    """Say whether a word is one of a list, or means the same of the seven as one of them."""
    same = {form for item in listed for form in (item.casefold(), labels.canonical(item)) if form}
    return word.casefold() in same or labels.canonical(word) in same


def _of_seven(found: Record) -> Record:
    """Return a label with the words of the source, and before them what they mean of the seven."""
    several = found.pop("multi_original", None)
    first = found.pop("original", None)
    if several:
        known = [word for word in several if labels.canonical(word)]
        several = known + [word for word in several if word not in known]
        if first in several:
            several = [first, *(word for word in several if word != first)]
        first = first or several[0]
    if first is None:
        return found
    emotion = labels.canonical(first)
    label: Record = {"emotion": emotion, "original": first}
    if several and (multi := _common(several)) and multi[0] == emotion:
        label["multi"] = multi
    return label | ({"multi_original": several} if several else {}) | found


def _common(several: list[str]) -> list[str]:
    known = (labels.canonical(word) for word in several)
    return list(dict.fromkeys(emotion for emotion in known if emotion))


def _polarity(cell: str, where: str) -> Record:
    """Return polarity, and sentiment where the cell is a number."""
    if cell.lower() in SIGNS:
        return {"polarity": cell.lower()}
    try:
        value = tables.number(cell)
    except ValueError:
        raise MalformedError(f"{where}: neither a polarity nor a number: '{cell:.40}'") from None
    return {"polarity": SIGNS[(value > 0) - (value < 0) + 1], "sentiment": value}
