"""How many records a source will give: files are counted by their lines, pipes are not.

It is for people who wait. Blank lines count, and a file of more than 64 MiB is taken to go on as it
began.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from emocli.io.opening import GZIP_MAGIC

if TYPE_CHECKING:
    from emocli.io.inputs import Source

LOOK_BYTES = 1 << 26  # 30 ms where the file is in memory; our choice
BLOCK_BYTES = 1 << 20


def records_of(source: Source) -> Callable[[], int | None]:
    """Return a function that foretells the number of records, None where nothing is known.

    The files are looked at in its first call.
    """
    return functools.cache(lambda: _of_source(source))


def _of_source(source: Source) -> int | None:
    counts: list[int | None] = []
    if source.text is not None:
        counts.append(_of_stream(source, "text") if source.text == "-" else 1)
    if source.files_from is not None:
        counts.append(_of_argument(source, source.files_from, "paths"))
    counts += [_of_argument(source, name, source.kind(name)) for name in source.arguments]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or not counts:
        return None
    return -(-sum(known) // source.shard[1]) if source.shard else sum(known)


def _of_argument(source: Source, name: str, kind: str) -> int | None:
    if name == "-":
        return _of_stream(source, kind)
    is_list = name == source.files_from
    if kind == "paths" and not is_list:
        return None if Path(name).is_dir() else 1
    try:
        with open(name, "rb", buffering=0) as file:
            return _of_file(file.fileno(), kind, b"\0" if source.null and is_list else b"\n")
    except OSError:
        return 1  # a record that failed


def _of_stream(source: Source, kind: str) -> int | None:
    try:
        return _of_file(source.stdin.fileno(), kind, b"\0" if source.null else b"\n")
    except (OSError, ValueError, AttributeError):
        return None


def _of_file(handle: int, kind: str, separator: bytes) -> int | None:
    """Return the number of records in a regular file; None for a pipe and what is compressed."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or os.pread(handle, 2, 0) == GZIP_MAGIC:
        return None
    found, at, inside, last = 0, 0, False, separator
    while at < LOOK_BYTES and (block := os.pread(handle, BLOCK_BYTES, at)):
        at += len(block)
        last = block[-1:]
        if kind == "csv":  # a cell in quotes may have several lines
            parts = block.split(b'"')
            found += sum(part.count(separator) for part in parts[inside::2])
            inside ^= len(parts) % 2 == 0
        else:
            found += block.count(separator)
    if at < status.st_size:
        return round(found * status.st_size / at)
    return max(0, found + (last != separator) - (kind == "csv"))
