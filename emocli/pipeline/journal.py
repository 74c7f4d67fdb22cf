"""Write a file that appears complete or never, with a journal for --resume.

`--output F` writes the journal `F.part`: its format, then a line per record of the input with its
key and the records that it became; and `F` itself at the end by a rename. `--resume` moves the
journal to `F.part.old`, takes from it every window of records that is complete and did not fail,
and computes the rest again: the same bytes as a run that was never interrupted. A journal stays
beside `F` only while failed records remain. One process at a time writes them: `io.lock`.

Where an earlier run has finished `F`, `--resume` keeps each of its records that did not fail, and
makes windows of the others: `finished`. In the journal such a record is a reference to `F`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from emocli.errors import EmocliError, UsageError
from emocli.io.formats import Format, JsonLines
from emocli.io.writing import full_disk_raised, locked, on_disk, opened_new, replace
from emocli.pipeline import finished, journal_lines
from emocli.pipeline.journal_lines import BAD, BETWEEN, BODY, GOOD, KEPT, is_whole, key_of

FORMAT = b'{"emocli_journal":2}\n'
BLOCK_BYTES = 1 << 16


class Journal:
    """The output file of a run that can be resumed, and its lock; used in a `with` statement.

    `discarded` says why an earlier journal or output is not used, if it is not.
    """

    def __init__(self, output: Path, *, resume: bool, form: Format | None = None) -> None:
        self.output, self.resume, self.form = output, resume, form or JsonLines()
        self.part = output.with_name(output.name + ".part")
        self.old = output.with_name(output.name + ".part.old")
        self.kept: dict[bytes, int] = {}  # key -> where its line begins in `old`
        self.failed, self.is_empty = False, True
        self.discarded = ""
        self.finished: finished.Finished | None = None
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
            finished.forget(self.output)
        else:
            if self._keep_old():
                self.old_file = files.enter_context(self.old.open("rb"))
                self._index()
            self._keep_finished(files)
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
            if line.startswith(GOOD) and is_whole(line):
                self.kept[key_of(line)] = offset
            offset += len(line)

    def _keep_finished(self, files: contextlib.ExitStack) -> None:
        """Open what an earlier run has finished; note it if that is not known any more."""
        earlier = files.enter_context(finished.Finished(self.output, self.form))
        if earlier.known:
            self.finished = earlier
        elif self.output.exists() and not self.kept and not self.discarded:
            self.discarded = (
                f"what {self.output} was made of is not known (was it moved or changed, or the"
                " cache cleared?): all records are done again"
            )

    def is_kept(self, key: bytes) -> bool:
        """Return whether the old journal or the finished output has a record."""
        return key in self.kept or (self.finished is not None and key in self.finished)

    def line(self, key: bytes) -> bytes:
        """Return the line of a record that is kept."""
        if key not in self.kept:
            line = self.finished.line(key) if self.finished else None
            if line is None:
                raise EmocliError(f"{self.output} was changed while it was read")
            return line
        self.old_file.seek(self.kept[key])
        return self.old_file.readline()

    def write(self, line: bytes) -> None:
        """Append a line; it is in the file when this returns."""
        self.failed |= line.startswith(BAD)
        self.is_empty = False
        with full_disk_raised(self.output):
            self.file.write(line)
            self.file.flush()

    def finish(self) -> None:
        """Write the output from the journal, by a rename; keep the journal if a record failed."""
        self.file.flush()
        complete = self.output.with_name(self.output.name + ".part.out")
        notes = finished.Notes(self.output, self.form)
        with full_disk_raised(self.output):
            try:
                with opened_new(complete) as file:
                    file.writelines(self._written(notes))
                    on_disk(file)
                self.lock.confirm()
                notes.ready(complete)
                replace(complete, self.output)
            except OSError:
                complete.unlink(missing_ok=True)
                raise
            finally:
                notes.drop()
        self.old.unlink(missing_ok=True)
        if not self.failed:
            self.part.unlink()
        finished.tidy(self.output)

    def _written(self, notes: finished.Notes) -> Iterator[bytes]:
        """Yield the output: header, what each line of the journal puts into it, footer."""
        yield notes.skip(self.form.header())
        with self.part.open("rb") as part:
            part.readline()  # the format
            for line in part:
                yield notes.take(line, self._rows(line))
        yield notes.skip(self.form.footer())

    def _rows(self, line: bytes) -> bytes:
        """Return what a journal line puts into the output; a record may become none."""
        if line.startswith(KEPT) and self.finished:
            return self.finished.rows(line)
        if isinstance(self.form, JsonLines):
            return line[BODY:].replace(BETWEEN, b"\n") if len(line) > BODY + 1 else b""
        return b"".join(map(self.form.row, journal_lines.records_of(line)))


def _end_torn_line(path: Path) -> None:
    """Let what is appended to a file begin a line of its own."""
    with path.open("r+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
