"""The record that a row of a table makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emocli import records
from emocli.io import columns, values
from emocli.io.columns import Chosen, Column
from emocli.records import names

AS_IT_IS = ("text", "path")  # blanks around these stay
SPAN = ("start", "end")
# What a formula of a spreadsheet gives where it fails: no value of a field.
FAILED = {"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"}

Step = tuple[int, str, list[str], str, Callable[[str], values.Value] | None]


class Maker:
    """Makes the records of the rows of a table, and counts them."""

    def __init__(self, chosen: Chosen, folder: Path | None, table: str, *, comma: bool) -> None:
        marks = values.Marks(comma=comma)
        self.count, self._folder, self._table = 0, folder, table
        self._steps = [_step(column, marks) for column in chosen.columns]
        unnamed = [column.place for column in chosen.columns if not column.field]
        self._unnamed = unnamed if len(unnamed) > 1 else []
        places = {column.field: column.place for column in chosen.columns}
        self._span = [places.get(name) for name in SPAN]
        self._answers = "prediction.emotion" in places

    def __call__(self, row: list[str], unique: Callable[[str], str]) -> dict[str, Any]:
        """Return the record of a row; ValueError for a cell that cannot be its field."""
        self.count += 1
        if any(row[index] for index in self._unnamed):
            raise ValueError("a cell stands in one of several columns without a name")
        record = self._record(row)
        if isinstance(answer := record.get("prediction"), dict) and self._answers:
            answer.setdefault("emotion", None)  # an empty cell: no answer was given
        if isinstance(said := record.get("error"), dict):
            record["error"] = _problem(str(said.get("message", "")))
        if type(record.get("path")) is not str:  # or it is an object, of a column `path.x`
            return record if "id" in record else {"id": f"{self._table}#R{self.count}", **record}
        path = str(self._folder / record["path"]) if self._folder else record["path"]
        record["path"] = records.of_path(names.on_disk(path))["path"]
        if "id" in record:
            return record
        return {"id": unique(records.of_path(path)["id"] + self._place(row)), **record}

    def _record(self, row: list[str]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for index, column, outer, last, read in self._steps:
            cell = row[index]
            if not cell or cell.isspace():
                continue
            inner = _inside(record, outer, column) if outer else record
            value = read(cell) if read else cell
            if inner.setdefault(last, value) is not value:
                raise ValueError(f"the column {column!r} contradicts another one")
        return record

    def _place(self, row: list[str]) -> str:
        """Return the span of a row, as written, to tell the segments of a file apart."""
        start, end = ("" if index is None else row[index].strip() for index in self._span)
        return f"#{start or 0}-{end}" if start or end else ""


def _problem(said: str) -> dict[str, str]:
    """Return the failure that a table of predictions tells as "code: message"."""
    code, mark, message = said.partition(": ")
    if not mark or not code.isidentifier():
        code, message = "failed", said
    return {"stage": "input", "code": code, "message": message, "hint": ""}


def _step(column: Column, marks: values.Marks) -> Step:
    """Return what to do with the cells of a column."""
    *outer, last = columns.parts(column.field)
    read = _reader(column, marks) if columns.is_field(column.field) else None
    return column.place, column.name, outer, last, read


def _reader(column: Column, marks: values.Marks) -> Callable[[str], values.Value]:
    """Return what reads the cells of a known field."""
    kind = columns.kind(column.field)
    convert = str if column.field in AS_IT_IS else values.reader(kind, marks)

    def read(cell: str) -> values.Value:
        if cell[0] == "#" and cell in FAILED:
            raise ValueError(f"{column.name} has a formula that failed: {cell!r}")
        try:
            return convert(cell)
        except ValueError as error:
            message = f"{column.name} {error}"
            raise ValueError(message, *(SPAN if column.field in SPAN else ())) from None

    return read


def _inside(record: dict[str, Any], outer: list[str], column: str) -> dict[str, Any]:
    """Return the object in a record that the names of a column lead to."""
    for name in outer:
        record = record.setdefault(name, {})
        if not isinstance(record, dict):
            raise ValueError(f"the columns {name!r} and {column!r} contradict each other")
    return record
