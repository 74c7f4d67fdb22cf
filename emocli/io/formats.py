"""The formats that records are written in: JSON Lines, tables, subtitles. One place knows them.

A format turns records into bytes and knows no files. Its output is `header()`, then `row(record)`
of each record in order, then `footer()`; where records are rows that do not depend on each other
(`apart`), the bytes of a row may be kept from an earlier output. A format of `one_recording` has no
place for a second: times are from the start of the recording.

Tables are CSV as in RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180), with tabs as TSV; our
choices are UTF-8 without a byte order mark, lines that end in LF, and that a cell is the value
itself: a text that begins with = + - or @ is written as it is, so that a program reads what was
said.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from emocli import records
from emocli.errors import RecordError
from emocli.records import Record
from emocli.records.times import duration

DELIMITERS = {"csv": ",", "tsv": "\t"}
SUBTITLES = ("srt", "vtt")
TEXTGRID = "textgrid"
SUFFIXES = {f".{name}": name for name in (*DELIMITERS, *SUBTITLES, TEXTGRID)}
SHARE = "p_"  # a probability's column is p_joy: a bare `joy` may be a column of somebody's table


class Format(Protocol):
    """What a record is written as."""

    name: str
    apart: bool  # each row stands for itself
    one_recording: bool

    def header(self) -> bytes:
        """Return what precedes the records."""

    def row(self, record: Record) -> bytes:
        """Return what a record is written as, which may be nothing."""

    def footer(self) -> bytes:
        """Return what follows the records."""


class Column(NamedTuple):
    """A column of a table: its name, and what its cell shows of a record."""

    name: str
    value: Callable[[Record], Any]


def by_suffix(path: Path | None) -> str | None:
    """Return the format that the name of a file stands for; None for a name that says nothing.

    >>> by_suffix(Path("answers.CSV")), by_suffix(Path("answers.jsonl"))
    ('csv', None)
    """
    return SUFFIXES.get(path.suffix.lower()) if path else None


def made(name: str, columns: Sequence[Column], *, answers: bool = False) -> Format:
    """Return a format of records by its name.

    `columns` are those of its table; with `answers` its subtitles say the prediction too.
    """
    if name in DELIMITERS:
        return Table(columns, name)
    if name in SUBTITLES:
        from emocli.io.subtitles import Subtitles

        return Subtitles(name, answers=answers)
    return JsonLines()


def utterances(*more: Column) -> list[Column]:
    """Return the columns of utterances, with `more` between their text and their error."""
    return [
        Column("id", lambda r: r.get("id")),
        Column("path", _path),
        Column("start", lambda r: _times(r)[0]),
        Column("end", lambda r: _times(r)[1]),
        *map(field, ("speaker", "text")),
        *more,
        Column("error", _error),
    ]


def field(name: str) -> Column:
    """Return the column of a field of the record."""
    return Column(name, lambda record: record.get(name))


def predictions(labels: Sequence[str], numbers: Sequence[str], *, blend: bool) -> list[Column]:
    """Return the columns of a prediction with these labels and numbers."""

    def of(column: str, *place: str) -> Column:
        return Column(column, lambda record: _at(record, "prediction", *place))

    shares = [of(f"{SHARE}{label}", "probabilities", label) for label in labels]
    answer = [of("emotion", "emotion"), of("confidence", "confidence")]
    blends = [Column("blend", lambda r: _blend(_at(r, "prediction", "blend")))] if blend else []
    return [*answer, *blends, *shares, *(of(name, name) for name in numbers)]


class JsonLines:
    """One JSON object per line: the records themselves."""

    name, apart, one_recording = "jsonl", True, False

    def header(self) -> bytes:
        """Return nothing."""
        return b""

    def row(self, record: Record) -> bytes:
        """Return the line of a record."""
        return records.dumps(record)

    def footer(self) -> bytes:
        """Return nothing."""
        return b""


class Table:
    """A header and a row per record; null is an empty cell."""

    apart, one_recording = True, False

    def __init__(self, columns: Sequence[Column], name: str = "csv") -> None:
        self.columns, self.name = columns, name
        self._page = io.StringIO(newline="")
        # csv quotes line breaks in cells only if rows end in them: \r\n here, replaced below.
        self._writer = csv.writer(self._page, delimiter=DELIMITERS[name], lineterminator="\r\n")

    def header(self) -> bytes:
        """Return the names of the columns."""
        return self._line([column.name for column in self.columns])

    def row(self, record: Record) -> bytes:
        """Return the row of a record, which has several lines where a text has."""
        return self._line([cell(column.value(record)) for column in self.columns])

    def footer(self) -> bytes:
        """Return nothing."""
        return b""

    def _line(self, cells: list[str]) -> bytes:
        self._page.seek(0)
        self._page.truncate()
        self._writer.writerow(cells)
        text = self._page.getvalue().removesuffix("\r\n") + "\n"
        return text.encode("utf-8", "backslashreplace")


def cell(value: Any) -> str:
    """Return what stands in a cell: a text as it is, a number's shortest digits, JSON for the rest.

    >>> [cell(value) for value in (None, "=1+1", -0.5, float("nan"), True, ["a"])]
    ['', '=1+1', '-0.5', '', 'true', '["a"]']
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str):
        return value
    return records.dumps(value).decode("utf-8").rstrip("\n")


def _at(record: Any, *place: str) -> Any:
    for name in place:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _path(record: Record) -> Any:
    """Return the path as text; bytes that are not UTF-8 are escaped, as in the id."""
    path = record.get("path")
    if isinstance(path, dict):
        try:
            return records.of_path(records.path_of(record))["id"]
        except (ValueError, RecordError):
            return path
    return path


def _times(record: Record) -> tuple[Any, Any]:
    """Return start and end; of a whole clip 0 and its duration, where that is known."""
    start, end = record.get("start"), record.get("end")
    whole = duration(record) if start is None and end is None else None
    return (start, end) if whole is None else (0, whole)


def _error(record: Record) -> Any:
    """Return why a record failed: "code: message"."""
    error = record.get("error")
    if not isinstance(error, dict):
        return error
    return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))


def _blend(blend: Any) -> Any:
    """Return a blend in words: "joy 70, surprise 30", in per cent."""
    if not isinstance(blend, dict):
        return blend
    return ", ".join(f"{label} {cell(share)}" for label, share in blend.items())
