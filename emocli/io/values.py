"""The values of cells: numbers with a point or a comma, whole numbers, true and false."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?", re.ASCII)  # a decimal comma, no thousands
MOST_WHOLE = 2**63  # larger numbers are no integers for most readers of JSON

Value = str | float | int | bool


class Marks:
    """The decimal mark of a table: the first that occurs holds for all of its cells.

    In a table without separating commas "12,5" is twelve and a half, as spreadsheets write it in
    half of the world. A table with both marks has thousands somewhere: refused.

    >>> marks = Marks(comma=True)
    >>> marks.pointed("12,5"), marks.pointed("7")
    ('12.5', '7')
    """

    def __init__(self, *, comma: bool) -> None:
        self.comma = comma  # whether a decimal comma can occur
        self._seen: dict[str, str] = {}  # the first cell with each mark

    def pointed(self, cell: str) -> str:
        """Return a cell with a decimal point; ValueError where the table has both marks."""
        cell = cell.strip()
        if "," in cell:
            if not (self.comma and COMMA.fullmatch(cell)):
                return cell
            self._note(",", cell)
            return cell.replace(",", ".")
        if "." in cell:
            self._note(".", cell)
        return cell

    def _note(self, mark: str, cell: str) -> None:
        self._seen.setdefault(mark, cell)
        if len(self._seen) > 1:
            other = self._seen["." if mark == "," else ","]
            raise ValueError(f"has another decimal mark than {other!r} in this table: {cell!r}")


def reader(kind: Any, marks: Marks) -> Callable[[str], Value]:
    """Return what reads the cells of a field of a type; it raises ValueError for other cells."""
    if kind is float:
        return lambda cell: number(marks.pointed(cell), cell)
    if kind is int:
        return lambda cell: whole(marks.pointed(cell), cell)
    return truth if kind is bool else str.strip


def truth(cell: str) -> bool:
    """Return a cell as true or false."""
    word = cell.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(f"is neither true nor false: {cell!r}")
    return word == "true"


def number(cell: str, original: str | None = None) -> float:
    """Return a cell as a number; ValueError for what is none, such as 1_000, 1,5 or nan.

    >>> number(" 1.5"), number("2e3")
    (1.5, 2000.0)
    """
    if not NUMBER.fullmatch(cell.strip()):
        raise ValueError(f"is not a number: {original or cell!r}")
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(f"is not finite: {original or cell!r}")
    return value


def whole(cell: str, original: str | None = None) -> int:
    """Return a cell as a whole number; a column with gaps writes it as "70.0".

    >>> whole("70.0"), whole("9007199254740993")
    (70, 9007199254740993)
    """
    value = number(cell, original)
    if not value.is_integer() or abs(value) >= MOST_WHOLE:
        raise ValueError(f"is not a whole number: {original or cell!r}")
    return int(cell) if cell.strip("+- ").isdigit() else int(value)
