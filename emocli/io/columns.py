"""Which column of a table is which field of a record: by its name, a synonym, or --column.

A column that is called like a field is that field; then
one that differs in case or blanks only; then a synonym. Where two columns are equally good
nothing is guessed: --column decides.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from emocli import records
from emocli.errors import printable
from emocli.io.synonyms import PREDICTED, PROBABILITY, SYNONYMS, WRITTEN, squeezed
from emocli.records.labels import EMOTIONS
from emocli.records.modality import MODALITIES

PLAIN = ("label", "emotion")  # synonyms that are names of ours, so that nobody needs to be told
SCALARS = (str, int, float, bool)
# What commands work on: without any of these a table is of no use to them.
MATERIAL = {"path", "features", "unimodal", "prediction"} | {m.field for m in MODALITIES.values()}
NESTED = re.compile(r"[^\s.]+(\.[^\s.]+)+")  # a.b is b in a; "No." and "Why? Say." are names
SHOWN, LONGEST = 20, 60  # columns, and characters of each, that a message lists

EXACT, SPELT, SYNONYM = range(3)
WHOLE = ("id", "path", "emotion", "error")  # of a table that predict wrote, with `confidence`


class Column(NamedTuple):
    """A column that becomes a field: its place in the row, its name, and the field."""

    place: int
    name: str
    field: str


class Chosen(NamedTuple):
    """The columns that become fields, and what to tell of them."""

    columns: list[Column]
    told: list[str]

    def usable(self) -> bool:
        """Return whether there is anything for a command to work on."""
        return any(column.field.partition(".")[0] in MATERIAL for column in self.columns)


def chosen(header: list[str], asked: Mapping[str, str]) -> Chosen:
    """Return which columns become which fields; `asked` names the column of a field.

    Raises ValueError where two columns could be one field, and for a column that is not there.
    """
    given = {_field(name): _index(header, column) for name, column in asked.items()}
    for index, count in Counter(given.values()).items():
        if index is not None and count > 1:
            raise ValueError(f"--column: {shown(header[index])} cannot be several fields")
    free = [i for i, name in enumerate(header) if name.strip() and i not in given.values()]
    found: dict[str, list[tuple[int, int]]] = {}  # by field: how good a column is, and which
    words = _meanings(header, with_path="path" in given)
    for index in free:
        rank, field = _meaning(header[index], words)
        if field:
            found.setdefault(field, []).append((rank, index))
    taken = {index: field for field, index in given.items() if index is not None}
    for field, columns in found.items():
        if field not in given:
            taken[_best(columns, field, header)] = field
    return _with_others(header, taken, words)


def _with_others(header: list[str], taken: dict[int, str], words: Mapping[str, str]) -> Chosen:
    """Add the columns without a meaning under their own names, and say what is not obvious."""
    columns, told, left, predicted = [], [], [], False
    for index, name in enumerate(header):
        field = taken.get(index)
        if field is None:
            field = name.strip()
            if is_field(field) or is_object(field):
                left.append(shown(name))
                continue
        elif field.startswith("prediction.") and "confidence" in words:
            predicted = True
        elif _meaning(name, words)[0] == SYNONYM and squeezed(name) not in PLAIN:
            told.append(f"{shown(name)} is read as {field}")
        if len(parts(field)) > records.MAX_DEPTH:
            raise ValueError(f"a column is nested deeper than {records.MAX_DEPTH}: {name[:40]!r}")
        columns.append(Column(index, name, field))
    if predicted:
        told.append("a table of predict: its answers are read as predictions")
    if left:
        told.append(f"left out: {', '.join(left)}")
    return Chosen(columns, told + _unread(columns))


def _unread(columns: list[Column]) -> list[str]:
    """Return what to tell of a column that would be the text of a table without paths."""
    if any(column.field == "text" for column in columns):
        return []
    names = [column.name for column in columns if squeezed(column.field) in WRITTEN]
    return [f"{shown(names[0])} is not read as text beside a path"] if names else []


def _meanings(header: list[str], *, with_path: bool) -> dict[str, str]:
    """Return what synonyms mean in this table."""
    bare = [squeezed(name) for name in header]
    words = dict(SYNONYMS)
    shares = [name.removeprefix(PROBABILITY) for name in header if name.startswith(PROBABILITY)]
    if "confidence" in bare and ({*WHOLE} <= {*bare} or {*shares} & {*EMOTIONS}):
        words |= PREDICTED
        words |= {squeezed(PROBABILITY + x): f"prediction.probabilities.{x}" for x in shares}
    if not with_path and not any(words.get(word, word) == "path" for word in bare):
        words |= WRITTEN
    return words


def _meaning(name: str, words: Mapping[str, str]) -> tuple[int, str | None]:
    """Return how sure it is that a column is a field, and which; None for a column of others."""
    if is_field(name):
        return EXACT, name
    if is_field(bare := " ".join(name.split()).casefold()):
        return SPELT, bare
    return SYNONYM, words.get(squeezed(name))


def _best(columns: list[tuple[int, int]], field: str, header: list[str]) -> int:
    """Return the place of the column that is a field; ValueError where several are as good."""
    best = min(rank for rank, _ in columns)
    names = [index for rank, index in columns if rank == best]
    if len(names) > 1:
        first, second = (shown(header[index]) for index in names[:2])
        raise ValueError(
            f"both {first} and {second} could be {field}: --column {field}=COLUMN says which"
        )
    return names[0]


def _field(name: str) -> str:
    """Return the field that --column names; ValueError for one that no cell can be."""
    field = name if is_field(name) else SYNONYMS.get(squeezed(name), name)
    if is_object(field) or not field.strip():
        raise ValueError(f"--column {printable(name)}=...: no cell can be this field")
    return field


def _index(header: list[str], column: str) -> int | None:
    """Return the place of a column: its name, in any case, or how it begins; None for none."""
    if not column:
        return None
    if column in header:
        return header.index(column)
    wanted, bare = _folded(column), [_folded(name) for name in header]
    found = [i for i, name in enumerate(bare) if name == wanted]
    found = found or [i for i, name in enumerate(bare) if name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    several = "several columns begin with" if found else "no column"
    raise ValueError(f"{several} {shown(column)} in {listed(header)}")


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def listed(header: list[str]) -> str:
    """Return the names of columns for a message."""
    names = ", ".join(shown(name) for name in header[:SHOWN])
    return names + (f" and {len(header) - SHOWN} more" if len(header) > SHOWN else "")


def shown(name: str) -> str:
    """Return the name of a column for a message."""
    short = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
    return f"'{printable(short)}'"


def parts(field: str) -> list[str]:
    """Return the names that lead to a field of a record: a.b is b in a; "Sr No." is one name."""
    nested = kind(field) is not None or NESTED.fullmatch(field)
    return field.split(".") if nested else [field]


def is_field(name: str) -> bool:
    """Return whether a cell can be the field of a name, such as label.valence."""
    return name == "path" or kind(name) in (*SCALARS, Any)


def is_object(name: str) -> bool:
    """Return whether the field of a name is an object or a list, which no cell can be."""
    return name != "path" and kind(name) not in (*SCALARS, Any, None)


@functools.lru_cache(1 << 12)
def kind(field: str) -> Any:
    """Return the type of a field; None for a field of other tools."""
    from emocli.records import schema  # looks at types, which no help page needs

    return schema.kind(field)
