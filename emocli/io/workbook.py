"""The rows of an Excel workbook (.xlsx), read with openpyxl while they come.

A number is written with a point, a date as ISO 8601, true and false as such words. A formula gives
the value that the program that saved the workbook has computed. Only the first sheet is read.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from emocli.errors import EmocliError, MalformedError, UsageError, printable
from emocli.io import opening, temporary
from emocli.io.separated import Grid, Row

SUFFIXES = (".xlsx", ".xlsm")
EXACT = 2**53  # up to here a float holds every whole number
ZIP = b"PK\x03\x04"
OLD = b"\xd0\xcf\x11\xe0"  # compound file: .xls of Excel 97 to 2003
PAGE = re.compile(rb"\s*<(!doctype html|html|table|\?xml)", re.IGNORECASE)
FIRST_BYTES = 256
AGAIN = "save it as .xlsx or as CSV"
# A formula without the value that it had when the workbook was saved; an empty text is a value.
UNCOMPUTED = re.compile(
    rb"<c r=\"(\w+)\"(?:(?!t=\"str\")[^<>])*>\s*"
    rb"<f[^<>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>"
)
MERGED = re.compile(rb"<mergeCell ref=\"(\w+:\w+)\"")
BLOCK, OVERLAP = 1 << 18, 1 << 14  # bytes of a sheet to look through; longest formula: 8192

Say = Callable[[str], None]


def begins(stream: BinaryIO, name: str, *, by_name: bool) -> bool:
    """Return whether a stream is a workbook, by its first bytes.

    Raises MalformedError for an older workbook, a web page, and (`by_name`) for what is only
    called a workbook.
    """
    first = opening.begins(stream, FIRST_BYTES)
    if first.startswith(OLD):
        raise MalformedError(f"{name}: a workbook of Excel before 2007", hint=AGAIN)
    if PAGE.match(first):
        raise MalformedError(f"{name}: a web page or XML, no table", hint=AGAIN)
    if first.startswith(ZIP):
        return True
    if first and by_name and name.lower().removesuffix(opening.GZIP).endswith(SUFFIXES):
        hint = "is it CSV? then call it so, or --input-format csv reads it"
        raise MalformedError(f"{name}: called a workbook, but it is none", hint=hint)
    return False


def grid(stream: BinaryIO, name: str, say: Say | None) -> Grid:
    """Return the rows of the first sheet of a workbook.

    Raises UsageError without openpyxl, MalformedError for what is no workbook.
    """
    return Grid(_of_first_sheet(stream, name, say), "")


def _of_first_sheet(stream: BinaryIO, name: str, say: Say | None) -> Iterator[Row]:
    with contextlib.ExitStack() as until_read:
        if not stream.seekable():
            whole = until_read.enter_context(temporary.file())
            shutil.copyfileobj(stream, whole)
            stream = whole
        with _told(name):
            book = until_read.enter_context(contextlib.closing(_book(stream)))
            sheets = book.worksheets
            if not sheets:
                raise MalformedError(f"{name}: a workbook without a sheet of cells")
            told = _look(stream, sheets[0], name)
        if len(sheets) > 1:
            told.append(f"sheet {sheets[0].title!r} is read, the first of {len(sheets)}")
        if say:
            for text in told:
                say(f"{name}: {text}")
        yield from _rows(sheets[0], name)


def _book(stream: BinaryIO) -> Any:
    """Return a workbook, whose cells are read when they are asked for."""
    try:
        import openpyxl
    except ImportError as error:
        hint = "pip install 'emocli[xlsx]'"
        raise UsageError(f"reading a workbook needs openpyxl: {error}", hint=hint) from None
    return openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Raise what reading a damaged workbook raises, which may be anything, as MalformedError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and rules of validation
            yield
    except (EmocliError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        why = printable(f"{type(error).__name__}: {error}"[:200])
        hint = "does it open in a spreadsheet program?"
        raise MalformedError(f"{name}: a damaged workbook: {why}", hint=hint) from None


def _look(stream: BinaryIO, sheet: Any, name: str) -> list[str]:
    """Return what to tell of a sheet; MalformedError for a formula whose value is not there."""
    merged: bytes | None = None
    with zipfile.ZipFile(stream) as archive, archive.open(sheet._worksheet_path) as part:
        before = b""
        while block := part.read(BLOCK):
            before = before[-OVERLAP:] + block
            if found := UNCOMPUTED.search(before):
                hint = "open it in a spreadsheet program and save it"
                cell = found[1].decode()
                raise MalformedError(f"{name}: the formula of {cell} has no value", hint=hint)
            merged = merged or ((found := MERGED.search(before)) and found[1])
    if merged is None:
        return []
    return [f"merged cells such as {merged.decode()} have their value in the first cell only"]


def _rows(sheet: Any, name: str) -> Iterator[Row]:
    """Yield the rows that are not empty, all as wide as the first, but for cells beyond it."""
    sheet.reset_dimensions()  # what programs write there is often wrong
    width, number = 0, 0
    rows = sheet.iter_rows(values_only=True)
    while True:
        with _told(name):
            row = next(rows, None)
        if row is None:
            return
        number += 1
        cells = [_text(value) for value in row]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if not any(cells):
            continue
        width = width or len(cells)
        yield number, cells + [""] * (width - len(cells))


def _text(value: Any) -> str:
    """Return a cell as it would stand in a CSV table.

    >>> [_text(value) for value in (None, True, 3.0, 0.25, datetime.date(2024, 5, 1))]
    ['', 'true', '3', '0.25', '2024-05-01']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    if isinstance(value, datetime.timedelta):
        return _text(value.total_seconds())
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
