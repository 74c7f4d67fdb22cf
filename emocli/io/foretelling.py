"""How many records a source will give: files are counted by their lines, pipes are not.

It is for people who wait. Blank lines count, and a file of more than 64 MiB is taken to go on as it
began.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable

from emocli.io.inputs import Source
from emocli.io.opening import GZIP_MAGIC
from emocli.io.standard_streams import is_pipe

LOOK_BYTES = 1 << 26  # 30 ms where the file is in memory; our choice
BLOCK_BYTES = 1 << 20
LINES, TABLE, UNKNOWN = "lines", "table", "unknown"
KINDS = {  # how records stand in files whose names end so; another file is one recording
    **dict.fromkeys((".jsonl", ".ndjson", ".txt"), LINES),
    **dict.fromkeys((".csv", ".tsv"), TABLE),
    **dict.fromkeys((".gz", ".xlsx"), UNKNOWN),
}


def waits(source: Source) -> bool:
    """Say whether records come from a pipe or a terminal: it may have nothing for a while."""
    names = [*source.arguments, source.text, source.files_from]
    return "-" in names and (is_pipe(source.stdin) or source.stdin.isatty())


def records_of(source: Source) -> Callable[[], int | None]:
    """Return a function that foretells the number of records, None where nothing is known.

    Files are opened in its first call.
    """
    if (known := source.total()) is not None:
        return lambda: known
    return functools.cache(lambda: _of_source(source))


def _of_source(source: Source) -> int | None:
    counts: list[int | None] = []
    if source.text is not None:
        counts.append(_of_file(source, "-", LINES) if source.text == "-" else 1)
    if source.files_from is not None:
        counts.append(_of_file(source, source.files_from, LINES))
    for name in source.arguments:
        kind = _kind(source, name)
        counts.append(_of_file(source, name, kind) if kind else _of_path(name))
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or not counts:
        return None
    return -(-sum(known) // source.shard[1]) if source.shard else sum(known)


def _kind(source: Source, name: str) -> str | None:
    """Return how records stand in a file; None for a recording."""
    of_name = KINDS.get(os.path.splitext(name)[1].lower())  # noqa: PTH122 - "-" is no path
    stated = source.input_format
    if name == "-" or (of_name and stated != "auto"):
        return None if stated == "paths" and name != "-" else TABLE if stated == "csv" else LINES
    return of_name


def _of_path(name: str) -> int | None:
    """Return 1 for a recording, None for a folder: it is not known how many are in it."""
    return None if os.path.isdir(name) else 1  # noqa: PTH112 - may not be UTF-8


def _of_file(source: Source, name: str, kind: str) -> int | None:
    separator = b"\0" if source.null and name in ("-", source.files_from) else b"\n"
    if name == "-":
        try:
            return _counted(source.stdin.fileno(), kind, separator)
        except (OSError, ValueError, AttributeError):
            return None
    try:
        with open(name, "rb", buffering=0) as file:
            return _counted(file.fileno(), kind, separator)
    except OSError:
        return 1  # a record that failed


def _counted(handle: int, kind: str, separator: bytes) -> int | None:
    """Return the number of records in a regular file; None for a pipe and what is compressed."""
    status = os.fstat(handle)
    is_file = stat.S_ISREG(status.st_mode)
    if not is_file or kind == UNKNOWN or os.pread(handle, 2, 0) == GZIP_MAGIC:
        return None
    found, at, inside, last = 0, 0, False, separator
    while at < LOOK_BYTES and (block := os.pread(handle, BLOCK_BYTES, at)):
        at += len(block)
        last = block[-1:]
        if kind == TABLE:  # a cell in quotes may have several lines
            pieces = block.split(b'"')
            found += sum(piece.count(separator) for piece in pieces[inside::2])
            inside ^= len(pieces) % 2 == 0
        else:
            found += block.count(separator)
    if at < status.st_size:
        return round(found * status.st_size / at)
    return max(0, found + (last != separator) - (kind == TABLE))
