"""CSV tables as records: one per row, with the fields that the header names."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from emocli.errors import MalformedError
from emocli.records import decoding

FLOATS = {"start", "end", *(f"label.{n}" for n in ("valence", "arousal", "dominance", "sentiment"))}


def rows(
    stream: BinaryIO, name: str, unique: Callable[[str], str]
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the raw input and the record of each row; `a.b` nests, `emotion` is label.emotion.

    A path is relative to the folder of the table, if that is a file. Empty cells are left out;
    start, end, turn and the dimensions of a label are numbers. Without an `id` a row is named
    "path#start-end", which `unique` makes unique. Raises MalformedError naming the row.
    """
    reader = csv.DictReader(text(stream, name))
    folder = Path(name).parent if Path(name).is_file() else None
    number = 0
    while True:
        number += 1
        try:
            row = next(reader, None)
            if row is None:
                return
            record = _record(row, folder)
            record = {
                "id": record.get("id") or unique(_name(row, record, f"{name}#R{number}")),
                **record,
            }
        except csv.Error as error:
            raise MalformedError(f"{name}: row {number}: {error}") from None
        except ValueError as error:  # UnicodeDecodeError as well
            raise MalformedError(
                f"{name}: row {number}: {_reason(error)}", hint=_hint(error)
            ) from None
        yield repr((record["id"], row)).encode(), record


def text(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield the lines of a UTF-8 table for csv: line ends as they are, no byte order mark.

    Lines are decoded one by one, so that UnicodeDecodeError carries the line at fault.
    """
    for _, line in decoding.lines(stream, name):
        yield from io.StringIO(line.decode("utf-8"), newline="")


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        invalid = error.object[error.start : error.end]
        return f"not UTF-8: {invalid!r} in {decoding.start_of(error.object)}"
    return str(error)


def _hint(error: ValueError) -> str:
    return "iconv -f LATIN1 -t UTF-8" if isinstance(error, UnicodeDecodeError) else ""


def _record(row: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    if None in row or None in row.values():
        raise ValueError("not as many cells as the header has")
    record: dict[str, Any] = {}
    for key, cell in row.items():
        if cell:
            _nest(record, "label.emotion" if key == "emotion" else key, cell)
    if folder is not None and "path" in record:
        record["path"] = str(folder / record["path"])
    return record


def _name(row: dict[str, str], record: dict[str, Any], place: str) -> str:
    """Return an id for a row that has none: its path with the span, or its place."""
    if "path" not in record:
        return place
    span = f"#{row.get('start') or 0}-{row.get('end') or ''}"
    return record["path"] + (span if "start" in record or "end" in record else "")


def _nest(record: dict[str, Any], key: str, cell: str) -> None:
    value = _number(key, cell)
    *outer, last = key.split(".")
    for name in outer:
        record = record.setdefault(name, {})
        if not isinstance(record, dict):
            raise ValueError(f"the columns {name!r} and {key!r} contradict each other")
    record[last] = value


def _number(key: str, cell: str) -> str | float | int:
    """Return a cell in the type that the schema gives its field."""
    if key not in FLOATS and key != "turn":
        return cell
    try:
        value = int(cell) if key == "turn" else float(cell)
    except ValueError:
        raise ValueError(f"{key} is not a number: {cell!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{key} is not finite: {cell!r}")
    return value
