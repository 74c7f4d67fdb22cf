"""What a finished output holds, so that --resume computes only what is new.

Nothing is kept beside the output: $XDG_CACHE_HOME/emocli/runs has a folder for each output, named
by a digest of its absolute path. The file in it is named by size and time of the output that it
describes, so that it is never taken for that of another one. After a line that says what it is of,
it has a line per record of the input that did not fail: where in the output its rows stand, with
their checksum. Where rows depend on each other (numbered subtitles) it has the journal lines.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from emocli.io.folders import cache_home
from emocli.io.formats import Format
from emocli.pipeline import journal_lines

VERSION = 1
OLDEST_S = 180 * 86_400.0  # what was not resumed for so long is forgotten; these are our choices
MOST_RUNS = 1000
MOST_BYTES = 1 << 30
LOOK_S = 86_400.0  # how often it is looked for what to forget


def home() -> Path:
    """Return the folder of what is known of finished outputs."""
    return cache_home() / "runs"


def folder(output: Path) -> Path:
    """Return the folder of an output."""
    place = os.fsencode(os.path.join(os.path.realpath(output.parent), output.name))  # noqa: PTH118
    return home() / hashlib.blake2b(place, digest_size=16).hexdigest()


def forget(output: Path) -> None:
    """Forget an output, which is computed anew."""
    shutil.rmtree(folder(output), ignore_errors=True)


def _state(output: Path) -> str:
    status = output.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _about(output: Path, form: Format) -> bytes:
    """Return the first line: of which output, in which format and with which columns."""
    head = hashlib.blake2b(form.header(), digest_size=8).hexdigest()
    place = os.path.join(os.path.realpath(output.parent), output.name)  # noqa: PTH118
    facts = {"emocli_run": VERSION, "output": place, "format": form.name, "header": head}
    return json.dumps(facts).encode() + b"\n"


class Finished:
    """The finished output of an earlier run, open for reading; used in a `with` statement.

    A record of it is asked for once: equal records of the input have their own places.
    """

    def __init__(self, output: Path, form: Format) -> None:
        self.output, self.apart = output, form.apart
        self.entries: dict[bytes, int | list[int]] = {}  # key -> where its lines begin
        self.known = False  # whether there is an output, and it is as it was written
        self._files = contextlib.ExitStack()
        with contextlib.suppress(OSError, ValueError):
            self._open(_about(output, form))

    def __enter__(self) -> Finished:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def _open(self, about: bytes) -> None:
        self._data = self._files.enter_context(self.output.open("rb"))
        place = folder(self.output) / _state(self.output)
        self._index = self._files.enter_context(place.open("rb"))
        self.known = self._index.readline() == about
        offset = len(about)
        for line in self._index if self.known else ():
            self._add(journal_lines.key_of(line), offset)
            offset += len(line)

    def _add(self, key: bytes, offset: int) -> None:
        earlier = self.entries.get(key)
        if earlier is None:
            self.entries[key] = offset
        else:
            self.entries[key] = [*(earlier if isinstance(earlier, list) else [earlier]), offset]

    def __contains__(self, key: bytes) -> bool:
        offsets = self.entries.get(key)
        if offsets is None:
            return False
        return self._line(offsets[0] if isinstance(offsets, list) else offsets, key) is not None

    def line(self, key: bytes) -> bytes | None:
        """Return the journal line of a record that is finished; None if it is not, or damaged."""
        offsets = self.entries.get(key)
        if offsets is None:
            return None
        if isinstance(offsets, list):
            return self._line(offsets.pop(0) if len(offsets) > 1 else offsets[0], key)
        return self._line(offsets, key)

    def _line(self, offset: int, key: bytes) -> bytes | None:
        self._index.seek(offset)
        line = self._index.readline()
        if not journal_lines.is_whole(line) or journal_lines.key_of(line) != key:
            return None
        if not self.apart:
            return line
        body, check = line[journal_lines.BODY :].rsplit(b" ", 1)
        kept = journal_lines.line(journal_lines.KEPT, key, body)
        return kept if check == _check(self.rows(kept)) else None

    def rows(self, line: bytes) -> bytes:
        """Return the bytes in the output that a line with the mark KEPT stands for."""
        offset, length, _ = journal_lines.place(line)
        self._data.seek(offset)
        return self._data.read(length)


def _check(rows: bytes) -> bytes:
    return b"%08x\n" % zlib.crc32(rows)


class Notes:
    """Notes on an output that is being written; a cache that cannot be written has none."""

    def __init__(self, output: Path, form: Format) -> None:
        self.output, self.apart = output, form.apart
        self.offset = 0
        self._folder = folder(output)
        self._part = self._folder / "part"
        self._file: BinaryIO | None = None
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._part.unlink(missing_ok=True)
            self._file = self._part.open("xb")
        self._write(_about(output, form))

    def take(self, line: bytes, rows: bytes) -> bytes:
        """Note the rows that a journal line puts into the output, and return them."""
        if not line.startswith(journal_lines.BAD):
            self._write(self._entry(line, rows) if self.apart else line)
        return self.skip(rows)

    def skip(self, data: bytes) -> bytes:
        """Count a header or a footer, and return it."""
        self.offset += len(data)
        return data

    def _entry(self, line: bytes, rows: bytes) -> bytes:
        place = b"%d %d %d " % (self.offset, len(rows), journal_lines.count(line))
        key = journal_lines.key_of(line)
        return journal_lines.line(journal_lines.KEPT, key, place + _check(rows)[:-1])

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(data)
        except OSError:  # of a full disk: the output is what counts
            self.drop()

    def ready(self, complete: Path) -> None:
        """Give the notes the name of the complete output, which is renamed after this."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
            self._part.rename(self._folder / _state(complete))
            self._file = None
        self.drop()

    def drop(self) -> None:
        """Remove the notes, unless they are ready."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)
        self._file = None


def tidy(output: Path) -> None:
    """Forget earlier states of an output that is now complete, and other outputs now and then."""
    with contextlib.suppress(OSError):
        state = _state(output)
        for path in folder(output).iterdir():
            if path.name != state:
                path.unlink(missing_ok=True)
    looked = home() / "looked"
    with contextlib.suppress(OSError):
        if looked.exists() and time.time() - looked.stat().st_mtime < LOOK_S:
            return
        looked.touch()
        _forget_old()


def _forget_old() -> None:
    """Forget outputs that are gone, and the oldest if there are too many or they are too large."""
    runs = sorted(_runs(), reverse=True)
    total = 0
    for number, (changed, size, path, output) in enumerate(runs):
        total += size
        old = time.time() - changed > OLDEST_S or number >= MOST_RUNS or total > MOST_BYTES
        if old or not os.path.lexists(output):
            shutil.rmtree(path, ignore_errors=True)


def _runs() -> Iterator[tuple[float, int, Path, str]]:
    """Yield time, size, folder and output of each run; of one that says nothing, only its age."""
    for path in home().iterdir():
        if path.is_dir():
            try:
                file = max(path.iterdir(), key=lambda p: p.stat().st_mtime_ns)
                status = file.stat()
                with file.open("rb") as lines:
                    output = str(json.loads(lines.readline())["output"])
                yield status.st_mtime, status.st_size, path, output
            except (OSError, ValueError, KeyError, TypeError):
                yield path.stat().st_mtime, 0, path, os.sep
