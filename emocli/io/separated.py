"""The rows of CSV and TSV: what separates their cells, and where quotes end.

The header decides: a separator that splits it is the one, and where several do, the one that
gives it names that are known, or that gives every one of the first rows as many cells. Else
nothing is guessed: --separator says it. So one line is enough, and no row is waited for.

Of the 35 small tables in tests/io/test_separated.py csv.Sniffer finds the separator of 33, and so
does CleverCSV 0.8.5, which takes 0.1 s to import; one and two of the others they get wrong without
a word: tables of one column, and of as many commas as semicolons. This rule finds all of them.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from emocli import records
from emocli.errors import MalformedError, UsageError
from emocli.records import texts

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
NAMED = {"tab": "\t", "comma": ",", "semicolon": ";", r"\t": "\t"}  # what --separator also takes
DECLARED = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE | re.DOTALL)  # Excel's first line
LOOKED_AT = 20  # rows, where the header alone does not say; our choice
HEADER_LINES = 100  # in which a quoted name of a column has to end
FLAG = "--separator names the one"

Dialect = dict[str, Any]  # for csv
Row = tuple[int, list[str]]  # the line where it begins, from 1, and its cells


class Grid(NamedTuple):
    """The rows of a table, the header first, and what separates them ("" in a workbook)."""

    rows: Iterator[Row]
    separator: str


def separator(word: str) -> str:
    r"""Return the character that --separator names; UsageError for what is no separator.

    >>> separator(";"), separator("tab")
    (';', '\t')
    """
    found = NAMED.get(word.casefold(), word)
    if len(found) != 1 or found.isalnum() or found in '"\r\n ':
        names = ", ".join(name for name in NAMED if name.isalpha())
        raise UsageError(f"--separator {word:.20}: not one character such as ; nor {names}")
    return found


def grid(
    stream: BinaryIO, name: str, asked: str | None, known: Callable[[list[str]], bool]
) -> Grid:
    """Return the rows of a table; `known` says whether a header has names that mean something.

    Raises MalformedError where the separator is not clear.
    """
    below = lines(stream, name)
    head, number = _head(below), 1
    declared = DECLARED.fullmatch(head[-1]) if head else None
    if declared:
        number += len(head)
        head = _head(below)
    mark = asked or (declared[1] if declared else None)
    if mark is None:
        mark, below = _found(head, below, known, f"{name}:{number}")
    every = itertools.chain(head, below)
    return Grid(rows(every, name, _dialect(mark, head), number), mark)


def _dialect(mark: str, head: list[str]) -> Dialect:
    """Return how rows are written; where blanks follow the separators of the header, they do."""
    names = cells("".join(head), mark)
    blanks = len(names) > 1 and all(name[:1] == " " for name in names[1:])
    return {"delimiter": mark, "skipinitialspace": blanks}


def rows(found: Iterator[str], name: str, how: Dialect, number: int = 1) -> Iterator[Row]:
    """Yield the rows of lines, the first of which has a number; empty ones are left out.

    Raises MalformedError for a quote that is not closed. After the quote that closes a cell
    something may follow in the same line ("so", he said), as many programs read it.
    """
    csv.field_size_limit(records.MAX_LINE_BYTES)  # of the process: 128 KiB unless somebody asks
    last = ""

    def noted() -> Iterator[str]:
        nonlocal last
        for last in found:  # noqa: UP028 - the name is looked at below
            yield last

    reader = csv.reader(noted(), strict=True, **how)
    while True:
        read = reader.line_num
        try:
            row = next(reader, None)
        except csv.Error as error:
            row = None
            if reader.line_num == read + 1 and "expected after" in str(error):
                row = _lenient(last, how)
            if row is None:
                raise _malformed(error, f"{name}:{number + read}") from None
        if row is None:
            return
        if row:
            yield number + read, row


def _lenient(line: str, how: Dialect) -> list[str] | None:
    """Return the cells of a line with words behind a quote; None if a quote stays open."""
    feed = iter([line, "\n"])
    row = next(csv.reader(feed, **how))
    return row if next(feed, None) is not None else None


def _malformed(error: csv.Error, where: str) -> MalformedError:
    if "limit" in str(error):
        return MalformedError(f"{where}: {error}", hint="is a quote not closed?")
    hint = "a quote within quotes is written twice"
    return MalformedError(f"{where}: a quote is opened and never closed", hint=hint)


def lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield the lines of a table for csv, their ends as they are."""
    for _, _, line in texts.lines(stream, name):
        end = line.find("\r")
        if end == -1 or line[end:] == "\r\n":
            yield line
        else:
            yield from io.StringIO(line, newline="")  # at a lone \r as well


def _head(below: Iterator[str]) -> list[str]:
    """Return the lines of the header: blank ones, and then a row, whose quotes are closed."""
    head: list[str] = []
    quotes = 0
    for line in itertools.islice(below, HEADER_LINES):
        head.append(line)
        quotes += line.count('"')
        if line.strip() and quotes % 2 == 0:
            break
    return head


def _found(
    head: list[str], below: Iterator[str], known: Callable[[list[str]], bool], where: str
) -> tuple[str, Iterator[str]]:
    """Return the separator of a table, and the lines below its header."""
    names = {mark: cells("".join(head), mark) for mark in SEPARATORS}
    likely = [mark for mark, cells in names.items() if len(cells) > 1]
    if not likely:
        likely = [","]  # one column
    # Quotes are around cells: a separator that leaves them within cells is none.
    likely = [mark for mark in likely if not any('"' in cell for cell in names[mark])] or likely
    if len(likely) > 1:
        likely = [mark for mark in likely if known(names[mark])] or likely
    if len(likely) > 1:
        first = [*itertools.islice(below, LOOKED_AT)]
        likely = [mark for mark in likely if _fits(mark, len(names[mark]), first)]
        below = itertools.chain(first, below)
    if len(likely) != 1:
        raise MalformedError(f"{where}: it is not clear what separates the columns", hint=FLAG)
    return likely[0], below


def cells(head: str, mark: str) -> list[str]:
    """Return the cells of the header; none where it is no row."""
    return next(iter(_parsed([*io.StringIO(head.lstrip("\r\n"), newline="")], mark)), [])


def _fits(mark: str, width: int, lines: list[str]) -> bool:
    """Return whether the first rows have as many cells as the header; the last may be cut."""
    return all(len(row) == width for row in _parsed(lines, mark) if row)


def _parsed(lines: list[str], mark: str) -> list[list[str]]:
    """Return the rows of lines, up to the first that is none."""
    found = []
    with contextlib.suppress(csv.Error):
        for row in csv.reader(lines, delimiter=mark, strict=True):
            found.append(row)  # what came before an error counts
    return found
