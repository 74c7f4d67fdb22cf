"""Join files of records: lines go out byte for byte, each checked to be a record."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from emocli import records
from emocli.errors import UsageError, printable
from emocli.io.ids import Ids

BLOCK_BYTES = 1 << 18
LIKELY_SHALLOW = records.MAX_DEPTH  # brackets on a line; more than that are looked at one by one


def joined(names: Iterable[str], stdin: BinaryIO, out: BinaryIO) -> int:
    """Pass on the lines of files in turn; return how many. MalformedError for an id twice."""
    ids = Ids()
    for name in names:
        with _open(name, stdin) as stream:
            _pass_on(stream, name, ids, out)
    ids.check()
    return ids.count


def in_order(
    names: Iterable[str], like: Path, stdin: BinaryIO, out: BinaryIO
) -> tuple[int, list[str]]:
    """Pass on the lines of files in the order of the ids of another file.

    Returns how many were written, and what is wrong with others: missing, twice, or unknown.
    """
    problems: list[str] = []
    written = 0
    with tempfile.TemporaryFile() as spool:
        places, twice = _index(names, stdin, spool)
        with _open(str(like), stdin) as stream:
            for _, record in records.read(stream, str(like)):
                place = places.pop(record.get("id"), None)
                if place is None:
                    problems.append(f"{records.name_of(record)}: is missing")
                    continue
                spool.seek(place)
                out.write(spool.readline())
                written += 1
    problems += [f"{printable(str(name))}: comes twice, the first is kept" for name in twice]
    problems += [f"{printable(str(name))}: is not in {like}, left out" for name in places]
    return written, problems


def _open(name: str, stdin: BinaryIO) -> BinaryIO:
    if name == "-":
        return stdin
    try:
        return open(name, "rb")
    except OSError as error:
        raise UsageError(f"cannot open {name}: {error.strerror}") from None


def _pass_on(stream: BinaryIO, name: str, ids: Ids, out: BinaryIO) -> None:
    """Copy whole lines as soon as they are here, each checked to be a record."""
    number = 0
    for block in _blocks(stream):
        lines = block.split(b"\n")
        good = bad = 0  # bytes that may go out; lines that are blank
        try:
            for line in lines[:-1]:
                number += 1
                if line.strip():
                    ids.add(_id(line, name, number))
                else:
                    bad += 1
                good += len(line) + 1
        finally:
            whole = block if good == len(block) else block[:good]
            out.write(_without_blank(whole) if bad else whole)
            out.flush()


def _without_blank(block: bytes) -> bytes:
    return b"".join(line for line in block.splitlines(keepends=True) if line.strip())


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield blocks that end with a newline, each as soon as it is here; no line is endless."""
    read1 = getattr(stream, "read1", stream.read)
    rest: list[bytes] = []
    size = 0
    while block := read1(BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, block[:end]])
            rest, size = [], 0
        rest.append(block[end:])
        size += len(block) - end
        if size > records.MAX_LINE_BYTES:
            break
    if last := b"".join(rest):
        yield last + b"\n"


def _id(line: bytes, name: str, number: int) -> Any:
    try:
        record = orjson.loads(line)
        if line.count(b"{") + line.count(b"[") <= LIKELY_SHALLOW and len(line) <= BLOCK_BYTES:
            return record["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass  # parse says what is wrong, or finds that only the id is missing
    return records.parse(line, f"{name}:{number}").get("id")


def _index(
    names: Iterable[str], stdin: BinaryIO, spool: BinaryIO
) -> tuple[dict[Any, int], list[Any]]:
    places: dict[Any, int] = {}
    twice = []
    for name in names:
        with _open(name, stdin) as stream:
            for line, record in records.read(stream, name):
                key = record.get("id")
                if key in places:
                    twice.append(key)
                    continue
                places[key] = spool.tell()
                spool.write(line if line.endswith(b"\n") else line + b"\n")
    return places, twice
