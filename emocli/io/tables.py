"""Tables: the one reader of CSV and TSV, for the filters and for every dataset.

A table has a header and is UTF-8, or what a byte order mark says. What cannot be read for certain
is refused with its line: two columns of one name, a row of another width, an open quote.
"""

from __future__ import annotations

import csv
import functools
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from emocli import records
from emocli.errors import MalformedError, UsageError
from emocli.io import formats, opening
from emocli.records import names, texts

LABELS = {"emotion": "label.emotion", "label": "label.emotion"}  # short names of columns
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
MOST_WHOLE = 2**63  # larger numbers are no integers for most readers of JSON
SECONDS = "seconds, such as 12.5"

Cells = dict[str, str]  # of a row, by column


class Row(NamedTuple):
    """A row: where it begins ("clips.csv:3"), its cells, and the record that they make."""

    where: str
    cells: Cells
    record: dict[str, Any]


class _Tabs(csv.Dialect):
    delimiter, quoting, lineterminator = "\t", csv.QUOTE_NONE, "\n"


def read(stream: BinaryIO, name: str, unique: Callable[[str], str]) -> Iterator[Row]:
    """Yield each row with its record; `a.b` nests, `emotion` and `label` are label.emotion.

    A path is relative to the folder of the table, if that is a file. Empty cells are left out;
    what is a number in the schema is a number. Without an `id` a row is named "path#start-end",
    which `unique` makes unique. Raises MalformedError naming the row.
    """
    folder = Path(name).parent if Path(name).is_file() else None
    for number, (where, cells) in enumerate(_cells(stream, name), 1):
        try:
            record = _record(cells)
        except ValueError as error:
            hint = SECONDS if str(error).startswith(("start", "end")) else ""
            raise MalformedError(f"{where}: {error}", hint=hint) from None
        place = f"{name}#R{number}"
        if "path" in record:
            path = str(folder / record["path"]) if folder else record["path"]
            record["path"] = records.of_path(names.on_disk(path))["path"]
            place = records.of_path(path)["id"] + _span(cells)
        yield Row(where, cells, {"id": record.get("id") or unique(place), **record})


def cells(
    file: Path, columns: tuple[str, ...] = (), *, tabs: bool = False
) -> Iterator[tuple[str, Cells]]:
    """Yield the place ("data.tsv:7") and the cells of each row of a table that has some columns.

    With commas and quotes as spreadsheets write them, or with `tabs` tabs and no quoting. Raises
    MalformedError for a missing column, a row that does not fit the header, or invalid UTF-8.
    """
    with opened(file) as stream:
        yield from _cells(stream, str(file), columns, tabs=tabs)


def opened(file: Path) -> BinaryIO:
    """Return the stream of a file; UsageError if it cannot be opened."""
    try:
        return opening.opened(str(file))
    except OSError as error:
        raise UsageError(f"cannot open {file}: {error.strerror}") from None


def _cells(
    stream: BinaryIO, name: str, columns: tuple[str, ...] = (), *, tabs: bool = False
) -> Iterator[tuple[str, Cells]]:
    lines = _Lines(stream, name)
    csv.field_size_limit(records.MAX_LINE_BYTES)  # of the process: 128 KiB unless somebody asks
    reader = csv.reader(lines, _Tabs if tabs else "excel")
    header: list[str] = []
    while True:
        where = f"{name}:{reader.line_num + 1}"
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise MalformedError(f"{where}: {error}", hint="is a quote not closed?") from None
        if row is None:
            break
        if lines.ended:  # the reader asked for another line, as it does within quotes
            hint = "a quote within quotes is written twice"
            raise MalformedError(f"{where}: a quote is opened and never closed", hint=hint)
        if header and row:
            yield where, _named(header, row, where)
        elif row:
            header = _header(row, columns, where)
    if not header and columns:
        raise MalformedError(f"{name}:1: no column '{columns[0]}': the table is empty")


class _Lines:
    """The lines of a table for csv, their ends as they are; `ended` once all are read."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.ended = False
        self._lines = self._split(stream, name)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def _split(self, stream: BinaryIO, name: str) -> Iterator[str]:
        for _, _, line in texts.lines(stream, name):
            yield from io.StringIO(line, newline="")  # at a lone \r as well
        self.ended = True


def _header(row: list[str], columns: tuple[str, ...], where: str) -> list[str]:
    """Return the names of the columns; MalformedError if two are the same, or one is missing."""
    twice = [name for name, count in Counter(row).items() if name and count > 1]
    if twice:
        hint = "one of them needs another name"
        raise MalformedError(f"{where}: two columns are called '{twice[0]}'", hint=hint)
    if missing := [name for name in columns if name not in row]:
        raise MalformedError(f"{where}: no column '{missing[0]}' in {row}")
    return row


def _named(header: list[str], row: list[str], where: str) -> Cells:
    """Return the cells by column; columns without a name may be several if they are empty."""
    if len(row) != len(header):
        raise MalformedError(f"{where}: not the {len(header)} cells that the header has")
    named = dict(zip(header, row, strict=True))
    if len(named) < len(header) and any(
        cell for name, cell in zip(header, row, strict=True) if not name
    ):
        raise MalformedError(f"{where}: a cell stands in one of several columns without a name")
    return named


def _record(row: Cells) -> dict[str, Any]:
    record: dict[str, Any] = {}
    predicted = formats.fields(tuple(row))
    for column, cell in row.items():
        if cell:
            field = predicted.get(column) or LABELS.get(column, column)
            _nest(record, field, column, _value(field, column, cell))
    return record


def _nest(record: dict[str, Any], field: str, column: str, value: Any) -> None:
    *outer, last = field.split(".")
    if len(outer) >= records.MAX_DEPTH:
        raise ValueError(f"a column is nested deeper than {records.MAX_DEPTH}: {column[:40]!r}")
    for name in outer:
        record = record.setdefault(name, {})
        if not isinstance(record, dict):
            raise ValueError(f"the columns {name!r} and {column!r} contradict each other")
    if record.setdefault(last, value) != value:
        raise ValueError(f"the column {column!r} contradicts another one of the field {field!r}")


def _span(row: Cells) -> str:
    """Return the span of a row's path, as written, to tell the segments of a file apart."""
    span = f"#{row.get('start') or 0}-{row.get('end') or ''}"
    return span if row.get("start") or row.get("end") else ""


@functools.lru_cache(1 << 12)
def _kind(field: str) -> Any:
    from emocli.records import schema  # looks at types, which no help page needs

    return schema.kind(field)


def _value(field: str, column: str, cell: str) -> str | float | int | bool:
    """Return a cell in the type that the schema gives its field."""
    kind = _kind(field)
    if kind is bool:
        if cell.lower() not in ("true", "false"):
            raise ValueError(f"{column} is neither true nor false: {cell!r}")
        return cell.lower() == "true"
    if kind not in (int, float):
        return cell
    try:
        return number(cell) if kind is float else whole(cell)
    except ValueError as error:
        raise ValueError(f"{column} {error}") from None


def number(cell: str) -> float:
    """Return a cell as a number; ValueError for what is none, such as 1_000, 1,5 or nan.

    >>> number(" 1.5"), number("2e3")
    (1.5, 2000.0)
    """
    if not NUMBER.fullmatch(cell.strip()):
        raise ValueError(f"is not a number: {cell!r}")
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(f"is not finite: {cell!r}")
    return value


def whole(cell: str) -> int:
    """Return a cell as a whole number; a column with gaps writes it as "70.0".

    >>> whole("70.0"), whole("9007199254740993")
    (70, 9007199254740993)
    """
    value = number(cell)
    if not value.is_integer() or abs(value) >= MOST_WHOLE:
        raise ValueError(f"is not a whole number: {cell!r}")
    return int(cell) if cell.strip("+- ").isdigit() else int(value)
