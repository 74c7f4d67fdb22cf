"""Write a file that appears complete or never, with a journal for --resume.

`--output F` writes the journal `F.part`: a line per record with its key, and `F` itself at the
end by a rename. `--resume` moves the journal to `F.part.old`, takes from it every window of
records that is complete and did not fail, and computes the rest again: the same bytes as a run
that was never interrupted. A journal stays beside `F` only while failed records remain.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from emocli import pipeline, records
from emocli.errors import UsageError
from emocli.io.inputs import Item
from emocli.io.writing import full_disk_raised
from emocli.pipeline.windows import Window
from emocli.records import failures

GOOD, BAD = b'{"ok":1,"key":"', b'{"ok":0,"key":"'  # did the stage succeed?
HEAD = len(GOOD)
MIDDLE = b'","record":'
KEY_CHARACTERS = 32
BODY = HEAD + KEY_CHARACTERS + len(MIDDLE)  # where the record begins on a journal line


def key(raw: bytes, record: dict[str, Any], config: bytes) -> bytes:
    """Return the resume key: the input line, the file's size and time, and the configuration."""
    digest = hashlib.blake2b(raw, digest_size=KEY_CHARACTERS // 2, key=config[:64])
    with contextlib.suppress(Exception):
        stat = os.stat(records.path_of(record))  # noqa: PTH116 - may not be UTF-8
        digest.update(b"%d %d" % (stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest().encode()


class Journal:
    """The output file of a run that can be resumed."""

    def __init__(self, output: Path, *, resume: bool) -> None:
        self.output = output
        self.part = output.with_name(output.name + ".part")
        self.old = output.with_name(output.name + ".part.old")
        self.kept: dict[bytes, int] = {}  # key -> where its line begins in `old`
        self.failed = False
        try:
            if resume:
                self._keep_old()
            else:
                self.old.unlink(missing_ok=True)
            self.file: BinaryIO = self.part.open("wb")
        except OSError as error:
            raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # of a full disk, which `write` has reported
            self.file.close()

    def _keep_old(self) -> None:
        """Append the journal to the old one, without a torn last line, and index its successes."""
        if self.part.exists():
            with self.old.open("ab") as old, self.part.open("rb") as part:
                old.writelines(line for line in part if line.endswith(b"}\n"))
            self.part.unlink()
        if not self.old.exists():
            return
        offset = 0
        with self.old.open("rb") as old:
            for line in old:
                if _succeeded(line):
                    self.kept[line[HEAD : HEAD + KEY_CHARACTERS]] = offset
                offset += len(line)

    def line(self, key: bytes) -> bytes:
        """Return the line of the old journal for a key in `kept`."""
        with self.old.open("rb") as old:
            old.seek(self.kept[key])
            return old.readline()

    def write(self, line: bytes) -> None:
        """Append a line; it is in the file when this returns."""
        self.failed |= not _succeeded(line)
        with full_disk_raised(self.output):
            self.file.write(line)
            self.file.flush()

    def finish(self) -> None:
        """Write the output from the journal, by a rename; keep the journal if a record failed."""
        self.file.close()
        complete = self.output.with_name(self.output.name + ".part.out")
        with full_disk_raised(self.output):
            try:
                with self.part.open("rb") as part, complete.open("wb") as file:
                    file.writelines(line[BODY:-2] + b"\n" for line in part)
                complete.replace(self.output)
            except OSError:
                complete.unlink(missing_ok=True)
                raise
        self.old.unlink(missing_ok=True)
        if not self.failed:
            self.part.unlink()


def _succeeded(line: bytes) -> bool:
    """Return whether a journal line is complete and its record did not fail in that run."""
    return line.startswith(GOOD) and line.endswith(b"}\n")


def entry(key: bytes, record: dict[str, Any]) -> bytes:
    """Return the journal line of a record."""
    head = BAD if failures.of(record) else GOOD
    return head + key + MIDDLE + records.dumps(record).rstrip(b"\n") + b"}\n"


def through(
    items: Iterator[Item], stage: pipeline.Stage, journal: Journal, config: bytes, window: Window
) -> Iterator[tuple[dict[str, Any] | None, bytes]]:
    """Yield (record, line) in order; record is None if the line is from the old journal.

    A window of the stage is kept or computed again as a unit, so that batches have the same members
    as in a run that was not interrupted.
    """
    plan: deque[tuple[bytes, bool]] = deque()

    def pending() -> Iterator[dict[str, Any]]:
        for first in items:
            members = list(window.take(first, items, lambda item: item[1]))
            keys = [key(raw, record, config) for raw, record in members]
            kept = all(k in journal.kept for k in keys)
            plan.extend((k, kept) for k in keys)
            if not kept:
                yield from (record for _, record in members)

    def replayed() -> Iterator[tuple[None, bytes]]:
        while plan and plan[0][1]:
            yield None, journal.line(plan.popleft()[0])

    for record in stage(pending()):
        yield from replayed()
        yield record, entry(plan.popleft()[0], record)
    yield from replayed()
