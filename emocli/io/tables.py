"""Tables: the one reader of CSV, TSV and Excel workbooks, for the filters and for every dataset.

A table has a header and is UTF-8, or what a byte order mark says. What cannot be read for certain
is refused with its line: two columns of one name, a row of another width, an open quote.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from emocli.errors import MalformedError, UsageError
from emocli.io import columns, opening, rows, separated, workbook
from emocli.io.columns import Chosen
from emocli.io.values import number as number
from emocli.io.values import whole as whole

SUFFIXES = (".csv", ".tsv", ".tab", *workbook.SUFFIXES)
OTHERS = (".xls", ".xlsb", ".ods", ".numbers")  # workbooks that are not read
TABS = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
SECONDS = "seconds, such as 12.5"
LONGEST_HEADER = 1 << 14  # bytes of a file of unknown kind; our choice
SAY = "--column text=COLUMN names the text, path=COLUMN the file; how a long name begins will do"

Cells = dict[str, str]  # of a row, by column
Say = Callable[[str], None]


@dataclass(frozen=True)
class Layout:
    """What flags say of a table: its separator, and the columns of some fields."""

    columns: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None
    by_name: bool = True  # whether its name says if it is a workbook: --input-format does


class Row(NamedTuple):
    """A row: where it begins ("clips.csv:3"), and the record that it makes."""

    where: str
    record: dict[str, Any]


PLAIN = Layout()


def layout(asked: list[str] | None, separator: str | None) -> Layout:
    """Return what --column and --separator say; UsageError for what they cannot."""
    given: dict[str, str] = {}
    for word in asked or ():
        name, mark, column = word.partition("=")
        if not mark or not name.strip():
            hint = "the field first, such as text=message"
            raise UsageError(f"--column {word:.60}: not FIELD=COLUMN", hint=hint)
        if name.strip() in given:
            raise UsageError(f"--column {word:.60}: {name} is given twice")
        given[name.strip()] = column
    return Layout(given, separated.separator(separator) if separator is not None else None)


def is_table(name: str) -> bool:
    """Return whether a file is a table, by its name."""
    return name.lower().removesuffix(opening.GZIP).endswith(SUFFIXES)


def read(
    stream: BinaryIO,
    name: str,
    unique: Callable[[str], str],
    how: Layout = PLAIN,
    say: Say | None = None,
) -> Iterator[Row]:
    """Yield each row with its record; `a.b` nests, other names are those of `columns`.

    A path is relative to the folder of the table, if that is a file. Empty cells are left out;
    what is a number in the schema is a number. Without an `id` a row is named "path#start-end",
    which `unique` makes unique, or after its table and its number. `say` is told what is not
    obvious. Raises MalformedError naming the row.
    """
    opened = _opened(stream, name, how, say)
    if opened is None:
        return
    found, grid, width = opened
    folder = Path(name).parent if Path(name).is_file() else None
    make = rows.Maker(found, folder, unique(name), comma=grid.separator != ",")
    for line, row in grid.rows:
        where = f"{name}:{line}"
        if len(row) != width:
            raise _ragged(where, width, grid.separator)
        try:
            record = make(row, unique)
        except ValueError as error:
            hint = SECONDS if error.args[1:] else ""
            raise MalformedError(f"{where}: {error.args[0]}", hint=hint) from None
        yield Row(where, record)
    if not make.count and say:
        say(f"{name}: no row below the header")


def check(name: str, how: Layout) -> None:
    """Raise what is wrong with the header of a table, before any work; only a file is looked at."""
    if os.path.isfile(name):  # noqa: PTH113 - the name may not be UTF-8
        try:
            with opening.opened(name) as stream:
                _opened(stream, name, how, None)
        except OSError:
            return  # told when it is read


def looks_like(line: str, how: Layout = PLAIN) -> bool:
    """Return whether a line of a list of paths is rather the header of a table."""
    names = [separated.cells(line, mark) for mark in separated.SEPARATORS]
    return any(len(header) > 1 and _known(how)(header) for header in names)


def file_looks_like(name: str, how: Layout = PLAIN) -> bool:
    """Return whether a file of unknown kind begins like the header of a table."""
    try:
        if not os.path.isfile(name):  # noqa: PTH113 - the name may not be UTF-8
            return False
        with open(name, "rb") as file:
            first = file.readline(LONGEST_HEADER).decode("utf-8-sig")
    except (OSError, ValueError):
        return False
    return looks_like(first, how)


def _opened(
    stream: BinaryIO, name: str, how: Layout, say: Say | None
) -> tuple[Chosen, separated.Grid, int] | None:
    """Return the columns of a table, its rows, and their width; None if it is empty."""
    if workbook.begins(stream, name, by_name=how.by_name):
        grid = workbook.grid(stream, name, say)
    else:
        grid = separated.grid(stream, name, how.separator, _known(how))
    first = next(grid.rows, None)
    if first is None:
        return None
    where = f"{name}:{first[0]}"
    header = _header(first[1], (), where)
    try:
        found = columns.chosen(header, how.columns)
    except ValueError as error:
        raise MalformedError(f"{where}: {error}") from None
    if not found.usable():
        known = "no column with a text, a path or a prediction"
        raise MalformedError(f"{where}: {known} in {columns.listed(header)}", hint=SAY)
    told = [*found.told]
    if grid.separator not in ("", ",", "\t") and how.separator is None:
        told.insert(0, f"separated by {separated.SEPARATORS.get(grid.separator, grid.separator)}")
    if told and say:
        say(f"{name}: {'; '.join(told)}")
    return found, grid, len(header)


def _known(how: Layout) -> Callable[[list[str]], bool]:
    """Return what says whether a header has names that mean something."""

    def known(header: list[str]) -> bool:
        try:
            return columns.chosen(header, how.columns).usable()
        except ValueError:
            return False

    return known


def cells(
    file: Path, wanted: tuple[str, ...] = (), *, tabs: bool = False
) -> Iterator[tuple[str, Cells]]:
    """Yield the place ("data.tsv:7") and the cells of each row of a table that has some columns.

    With commas and quotes as spreadsheets write them, or with `tabs` tabs and no quoting. Raises
    MalformedError for a missing column, a row that does not fit the header, or invalid UTF-8.
    """
    name = str(file)
    with opened(file) as stream:
        found = separated.rows(separated.lines(stream, name), name, TABS if tabs else {})
        first = next(found, None)
        if first is None:
            if wanted:
                raise MalformedError(f"{name}:1: no column '{wanted[0]}': the table is empty")
            return
        header = _header(first[1], wanted, f"{name}:{first[0]}")
        for line, row in found:
            if len(row) != len(header):
                raise _ragged(f"{name}:{line}", len(header), ",")
            _check_unnamed(header, row, f"{name}:{line}")
            yield f"{name}:{line}", dict(zip(header, row, strict=True))


def opened(file: Path) -> BinaryIO:
    """Return the stream of a file; UsageError if it cannot be opened."""
    try:
        return opening.opened(str(file))
    except OSError as error:
        raise UsageError(f"cannot open {file}: {error.strerror}") from None


def _header(row: list[str], wanted: tuple[str, ...], where: str) -> list[str]:
    """Return the names of the columns; MalformedError if two are the same, or one is missing."""
    twice = [name for name, count in Counter(row).items() if name and count > 1]
    if twice:
        hint = "one of them needs another name"
        raise MalformedError(f"{where}: two columns are called '{twice[0]}'", hint=hint)
    if missing := [name for name in wanted if name not in row]:
        raise MalformedError(f"{where}: no column '{missing[0]}' in {row}")
    return row


def _ragged(where: str, width: int, separator: str) -> MalformedError:
    hint = ""
    if separator in separated.SEPARATORS:
        word = separated.SEPARATORS[separator]
        hint = f"{word} separate cells: a cell that contains one stands in quotes"
    return MalformedError(f"{where}: not the {width} cells that the header has", hint=hint)


def _check_unnamed(header: list[str], row: list[str], where: str) -> None:
    """Raise MalformedError where several columns without a name are not empty."""
    if header.count("") > 1 and any(
        cell for name, cell in zip(header, row, strict=True) if not name
    ):
        raise MalformedError(f"{where}: a cell stands in one of several columns without a name")
