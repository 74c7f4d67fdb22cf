"""Join files of records: copy lines byte for byte, after checking that each is a record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from emocli import records
from emocli.errors import printable
from emocli.io import further_files, opening, temporary
from emocli.io.ids import Ids, exact
from emocli.records import decoding, validation

BLOCK_BYTES = 1 << 18
MARK = re.compile(b"^" + decoding.BOM, re.MULTILINE)
LIKELY_SHALLOW = records.MAX_DEPTH  # brackets on a line; with more, its depth is checked


def joined(names: Iterable[str], stdin: BinaryIO, out: BinaryIO) -> tuple[int, list[str]]:
    """Copy the lines of files in turn; MalformedError for a duplicate id.

    Returns the number of lines, and the problems: ids that are neither strings nor numbers.
    """
    ids = Ids()
    for name in names:
        with opening.required(name, stdin) as stream:
            _copy(stream, name, ids, out)
    ids.check()
    return ids.count, ids.problems


def in_order(
    names: Iterable[str], like: Path, stdin: BinaryIO, out: BinaryIO
) -> tuple[int, list[str]]:
    """Copy the lines of files in the order of the ids of another file.

    Returns the number of lines written, and the problems: ids missing, duplicate or unknown.
    """
    problems: list[str] = []
    written = 0
    with temporary.file() as spool:
        positions, duplicates = _index(names, stdin, spool, problems)
        for record in further_files.read(str(like), stdin):
            _, position = positions.pop(exact(record.get("id")), (None, None))
            if position is None:
                problems.append(f"{records.name_of(record)}: is missing")
                continue
            spool.seek(position)
            out.write(spool.readline())
            written += 1
    problems += [f"{printable(str(name))}: occurs twice, the first is kept" for name in duplicates]
    problems += [
        f"{printable(str(name))}: is not in {like}, left out" for name, _ in positions.values()
    ]
    return written, problems


def _copy(stream: BinaryIO, name: str, ids: Ids, out: BinaryIO) -> None:
    """Copy complete lines as soon as they are read, each checked to be a record."""
    number = 0
    for block in opening.named(name, _blocks(stream)):
        lines = block.split(b"\n")
        checked = blank = 0  # bytes that may be written; blank lines
        try:
            for line in lines[:-1]:
                number += 1
                if line.strip():
                    ids.add(_id(line, name, number))
                else:
                    blank += 1
                checked += len(line) + 1
        finally:
            valid = block if checked == len(block) else block[:checked]
            out.write(_without_blank(valid) if blank else valid)
            out.flush()


def _without_blank(block: bytes) -> bytes:
    # Not splitlines: a line may end in CR CR LF, and its first CR ends none.
    return b"".join(line + b"\n" for line in block.split(b"\n") if line.strip())


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield blocks that end with a newline, as soon as they are read; stop at an overlong line.

    Byte order marks are left out: each file that `cat` has joined may begin with one.
    """
    read1 = getattr(stream, "read1", stream.read)
    rest: list[bytes] = []
    size = 0
    while block := read1(BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield _without_marks(b"".join([*rest, block[:end]]))
            rest, size = [], 0
        rest.append(block[end:])
        size += len(block) - end
        if size > records.MAX_LINE_BYTES:
            break
    if last := b"".join(rest):
        yield _without_marks(last + b"\n")


def _without_marks(block: bytes) -> bytes:
    return MARK.sub(b"", block) if decoding.BOM in block else block


def _id(line: bytes, name: str, number: int) -> Any:
    try:
        record = orjson.loads(line)
        if line.count(b"{") + line.count(b"[") <= LIKELY_SHALLOW and len(line) <= BLOCK_BYTES:
            key = record["id"]
            if type(key) is not float:  # an integer beyond 64 bits is a float here
                return key
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass  # parse names the error, or finds that only the id is missing
    return records.parse(line, f"{name}:{number}").get("id")


def _index(
    names: Iterable[str], stdin: BinaryIO, spool: BinaryIO, problems: list[str]
) -> tuple[dict[Any, tuple[Any, int]], list[Any]]:
    """Write all lines to a file; return the id and the place of each, and the ids that repeat."""
    positions: dict[Any, tuple[Any, int]] = {}
    duplicates = []
    for name in names:
        for line, record in opening.read(name, stdin):
            key = record.get("id")
            if exact(key) in positions:
                duplicates.append(key)
                continue
            if problem := validation.unnamed({"id": key}):
                problems.append(f"{records.name_of(record)}: {problem.message}")
            positions[exact(key)] = key, spool.tell()
            spool.write(line if line.endswith(b"\n") else line + b"\n")
    return positions, duplicates
