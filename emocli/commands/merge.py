"""Join shards: pass records on as they are, and refuse one that comes twice.

Reads records from files or stdin. Adds nothing: lines go out byte for byte. Streams; memory does
not grow with the input, so a duplicate id is found at the end (exit 2, and --output stays away).

With --like, the order of another file is restored: records that file has and the shards lack are
named (exit 1), as are those that come twice or that it does not have. This keeps an index of ids.

Example:
    emocli merge shards/*.jsonl --like input.jsonl -o all.jsonl
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import orjson
import typer

from emocli import records
from emocli.cli import options
from emocli.errors import EmptyInputError, ExitStatus, UsageError, printable
from emocli.io.ids import Ids
from emocli.io.writing import whole_file

BLOCK_BYTES = 1 << 18
LIKELY_SHALLOW = records.MAX_DEPTH  # brackets on a line; more than that are looked at one by one


@options.filter()
def command(
    run: options.Run,
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Restore the order of FILE's records.")
    ] = None,
) -> int:
    """Join shards: pass records on as they are, and refuse one that comes twice."""
    arguments = run.source().arguments
    with whole_file(run.flags["output"], run.world.stdout) as out:
        if like is not None:
            return _in_order(run, arguments, like, out)
        ids = Ids()
        for name in arguments:
            with _open(name, run.world.stdin) as stream:
                _pass_on(stream, name, ids, out)
        ids.check()
        if not ids.count and not run.flags["allow_empty"]:
            raise EmptyInputError("no input records", hint="--allow-empty makes that fine")
    _summary(run, ids.count)
    return ExitStatus.OK


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


def _in_order(run: options.Run, arguments: list[str], like: Path, out: BinaryIO) -> int:
    with tempfile.TemporaryFile() as spool:
        places, twice = _index(run, arguments, spool)
        gaps = written = 0
        with _open(str(like), run.world.stdin) as stream:
            for _, record in records.read(stream, str(like)):
                place = places.pop(record.get("id"), None)
                if place is None:
                    gaps += 1
                    run.world.stderr.write(f"emocli merge: {records.name_of(record)}: is missing\n")
                    continue
                spool.seek(place)
                out.write(spool.readline())
                written += 1
    for name in twice:
        run.world.stderr.write(
            f"emocli merge: {printable(str(name))}: comes twice, the first is kept\n"
        )
    for name in places:
        run.world.stderr.write(
            f"emocli merge: {printable(str(name))}: is not in {like}, left out\n"
        )
    _summary(run, written)
    return ExitStatus.FAILED if gaps or twice or places else ExitStatus.OK


def _index(
    run: options.Run, arguments: list[str], spool: BinaryIO
) -> tuple[dict[Any, int], list[Any]]:
    places: dict[Any, int] = {}
    twice = []
    for name in arguments:
        with _open(name, run.world.stdin) as stream:
            for line, record in records.read(stream, name):
                key = record.get("id")
                if key in places:
                    twice.append(key)
                    continue
                places[key] = spool.tell()
                spool.write(line if line.endswith(b"\n") else line + b"\n")
    return places, twice


def _summary(run: options.Run, count: int) -> None:
    if not run.flags["quiet"]:
        run.world.stderr.write(f"emocli merge: {count} records\n")
