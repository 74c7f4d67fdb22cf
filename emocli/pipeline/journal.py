"""Write a file that appears complete or never, with a journal for --resume.

`--output F` writes the journal `F.part`: its format, then a line per record of the input with its
key and the records that it became; and `F` itself at the end by a rename. `--resume` moves the
journal to `F.part.old`, takes from it every window of records that is complete and did not fail,
and computes the rest again: the same bytes as a run that was never interrupted. A journal stays
beside `F` only while failed records remain. One process at a time writes them: `io.lock`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from emocli import pipeline, records
from emocli.errors import UsageError
from emocli.io.writing import full_disk_raised, locked, on_disk, opened_new, replace
from emocli.pipeline import parts
from emocli.pipeline.windows import Window
from emocli.records import Record, failures

FORMAT = b'{"emocli_journal":2}\n'
GOOD, BAD = b"+", b"-"  # did the stage succeed?
KEY_CHARACTERS, CHECK_CHARACTERS = 32, 8  # hexadecimal
BODY = len(GOOD) + KEY_CHARACTERS + CHECK_CHARACTERS  # where the records begin on a line
BETWEEN = b"\x1e"  # the records that one became; JSON has this character escaped only
SAMPLE_BYTES = 1 << 16  # of the beginning and of the end of a file: its content, as far as is read
BLOCK_BYTES = 1 << 16


def key(record: Record, config: bytes) -> bytes:
    """Return the resume key: what the record is, its file, and the configuration."""
    digest = _digest(records.dumps(parts.public(record)), config)
    with contextlib.suppress(Exception):
        digest.update(content(records.path_of(record)))
    return digest.hexdigest().encode()


def content(path: str) -> bytes:
    """Return size, time, beginning and end of a file; a recording of hours is not read whole."""
    status = os.stat(path)  # noqa: PTH116 - may not be UTF-8
    facts = b"%d %d " % (status.st_size, status.st_mtime_ns)
    if not stat.S_ISREG(status.st_mode):  # a pipe can be read only once
        return facts
    with open(path, "rb") as file:
        start = file.read(SAMPLE_BYTES)
        file.seek(max(0, status.st_size - SAMPLE_BYTES))
        return facts + start + file.read(SAMPLE_BYTES)


def entry(key: bytes, record: Record) -> bytes:
    """Return the journal line of a record."""
    became = parts.of(record)
    mark = BAD if any(failures.of(part) for part in became) else GOOD
    body = BETWEEN.join(records.dumps(part).rstrip(b"\n") for part in became)
    return mark + key + b"%08x" % zlib.crc32(key + body) + body + b"\n"


def _is_whole(line: bytes) -> bool:
    """Return whether a line is as it was written: a crash of the machine leaves torn ones."""
    key, check = line[1 : 1 + KEY_CHARACTERS], line[1 + KEY_CHARACTERS : BODY]
    return line.endswith(b"\n") and check == b"%08x" % zlib.crc32(key + line[BODY:-1])


class Journal:
    """The output file of a run that can be resumed, and its lock; used in a `with` statement.

    `discarded` says why an earlier journal is not used, if it is not.
    """

    def __init__(self, output: Path, *, resume: bool) -> None:
        self.output, self.resume = output, resume
        self.part = output.with_name(output.name + ".part")
        self.old = output.with_name(output.name + ".part.old")
        self.kept: dict[bytes, int] = {}  # key -> where its line begins in `old`
        self.failed, self.is_empty = False, True
        self.discarded = ""
        self.file: BinaryIO
        self.old_file: BinaryIO
        self.files = contextlib.ExitStack()

    def __enter__(self) -> Journal:
        with contextlib.ExitStack() as files:
            self.lock = files.enter_context(locked(self.output))
            try:
                self._begin(files)
            except OSError as error:
                raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
            self.files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # of a full disk, which `write` has reported
            if self.is_empty and self.lock.is_mine():
                self.part.unlink(missing_ok=True)
            self.files.close()

    def _begin(self, files: contextlib.ExitStack) -> None:
        if not self.resume:
            self.old.unlink(missing_ok=True)
        elif self._keep_old():
            self.old_file = files.enter_context(self.old.open("rb"))
            self._index()
        self.file = files.enter_context(opened_new(self.part))
        self.file.write(FORMAT)

    def _keep_old(self) -> bool:
        """Append the journal to the old one; return whether there is an old one now."""
        for path in (self.old, self.part):
            if path.exists() and not self._is_readable(path):
                path.unlink()
        if not self.part.exists():
            return self.old.exists()
        if not self.old.exists():
            self.part.rename(self.old)
            return True
        _end_torn_line(self.old)
        with self.old.open("ab") as old, self.part.open("rb") as part:
            part.readline()  # the format
            while block := part.read(BLOCK_BYTES):
                old.write(block)
            on_disk(old)
        self.part.unlink()
        return True

    def _is_readable(self, path: Path) -> bool:
        """Return whether a journal is of this format; note it otherwise, unless it is empty."""
        with path.open("rb") as file:
            first = file.read(len(FORMAT))
        if first not in (FORMAT, b""):
            self.discarded = f"{path} is of another version of emocli: all records are done again"
        return first == FORMAT

    def _index(self) -> None:
        offset = 0
        for line in self.old_file:
            if line.startswith(GOOD) and _is_whole(line):
                self.kept[line[1 : 1 + KEY_CHARACTERS]] = offset
            offset += len(line)

    def line(self, key: bytes) -> bytes:
        """Return the line of the old journal for a key in `kept`."""
        self.old_file.seek(self.kept[key])
        return self.old_file.readline()

    def write(self, line: bytes) -> None:
        """Append a line; it is in the file when this returns."""
        self.failed |= not line.startswith(GOOD)
        self.is_empty = False
        with full_disk_raised(self.output):
            self.file.write(line)
            self.file.flush()

    def finish(self) -> None:
        """Write the output from the journal, by a rename; keep the journal if a record failed."""
        self.file.flush()
        complete = self.output.with_name(self.output.name + ".part.out")
        with full_disk_raised(self.output):
            try:
                with self.part.open("rb") as part, opened_new(complete) as file:
                    part.readline()  # the format
                    file.writelines(_written(line) for line in part)
                    on_disk(file)
                self.lock.confirm()
                replace(complete, self.output)
            except OSError:
                complete.unlink(missing_ok=True)
                raise
        self.old.unlink(missing_ok=True)
        if not self.failed:
            self.part.unlink()


def _written(line: bytes) -> bytes:
    """Return the lines that a journal line puts into the output; a record may become none."""
    body = line[BODY:]
    return body.replace(BETWEEN, b"\n") if body != b"\n" else b""


def _end_torn_line(path: Path) -> None:
    """Let what is appended to a file begin a line of its own."""
    with path.open("r+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")


class Outcome(NamedTuple):
    """What a record of the input became, and its journal line; `record` is None if it was kept."""

    record: Record | None
    line: bytes


def through(
    found: Iterator[Record], stage: pipeline.Stage, journal: Journal, config: bytes, window: Window
) -> Iterator[Outcome]:
    """Yield the outcomes in order.

    A window of the stage is kept or computed again as a unit, so that batches have the same members
    as in a run that was not interrupted.
    """
    plan: deque[tuple[bytes, bool]] = deque()

    def pending() -> Iterator[Record]:
        for first in found:
            members = list(window.take(first, found))
            keys = _keys(members, config, window)
            kept = all(k in journal.kept for k in keys)
            plan.extend((k, kept) for k in keys)
            if not kept:
                yield from members

    def replayed() -> Iterator[Outcome]:
        while plan and plan[0][1]:
            yield Outcome(None, journal.line(plan.popleft()[0]))

    for record in stage(pending()):
        yield from replayed()
        yield Outcome(record, entry(plan.popleft()[0], record))
    yield from replayed()


def _keys(members: list[Record], config: bytes, window: Window) -> list[bytes]:
    """Return the keys of a window; where results depend on the other records, so do the keys."""
    keys = [key(record, config) for record in members]
    if not window.together:
        return keys
    everything = hashlib.blake2b(b"".join(keys)).digest()
    return [_digest(everything, k).hexdigest().encode() for k in keys]


def _digest(data: bytes, key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(data, digest_size=KEY_CHARACTERS // 2, key=key)
