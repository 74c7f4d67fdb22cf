"""The line that moves on a terminal while a command works, and the lines of a log.

A process has one. A thread draws it, so that it moves while the main thread imports, computes or
reads: what is being done, and what has been done so far. While the input has nothing it stands
still, for another program of the pipe may use the same line. A stderr that is no terminal gets a
line every half a minute.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, TextIO

from emocli.io import fitting, messages
from emocli.io.fitting import clock
from emocli.pipeline import stopping
from emocli.records import Record
from emocli.records.jsonl import name_of

BAR_SECONDS = 0.1  # how often a terminal's line is drawn
SHARED_SECONDS = 1.0  # the same, where stdout is a pipe: its reader may write to the terminal too
BAR_CELLS = 24  # of a bar at most; on a narrow terminal a quarter of the line
LINE_SECONDS = 30.0  # how often a log file gets a line
SPINNER, ASCII_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
START, READING, WAITING = "starting", "reading records", "waiting for input"
VERBS = {  # what stages do, in words; others are called by their names
    "extract-audio": "reading",
    "transcribe": "transcribing",
    "encode": "encoding",
    "prosody": "measuring",
    "align": "aligning",
    "annotate": "annotating",
    "fuse": "fusing",
    "predict": "predicting",
}
Counts = Callable[[int], str]  # from the cells that there are for a bar, 0 in a log, to a text


class _State:
    """What the line shows: set by the threads that work, read by the one that draws."""

    doing: tuple[str, Record | None, int] = (START, None, 0)
    counts: Counts | None = None
    lengths: dict[str, float] = {}  # noqa: RUF012 - seconds of recordings, by their paths
    line: Line | None = None


def note(what: str, record: Record | None = None, more: int = 0) -> None:
    """Note what is being done from now on, to a record and some more; a stage is named."""
    _State.doing = (what, record, more)


@contextlib.contextmanager
def during(what: str) -> Iterator[None]:
    """Note what is being done for a while, then again what was done before."""
    before = _State.doing
    note(what)
    try:
        yield
    finally:
        _State.doing = before


def awaited(records: Iterator[Record]) -> Iterator[Record]:
    """Yield records, and note whenever the next one is waited for."""
    while True:
        note(WAITING)
        try:
            record = next(records)
        except StopIteration:
            return
        yield record


def counting(counts: Counts | None) -> Counts | None:
    """Let the line begin with a text of what has been done; return what gave it before."""
    before, _State.counts = _State.counts, counts
    return before


def tick() -> None:
    """Draw the line if it is due, in case that its thread gets no time."""
    if _State.line is not None:
        _State.line.tick()


def draw() -> None:
    """Draw the line now."""
    if _State.line is not None:
        _State.line.draw()


def stop() -> None:
    """Wipe the line for good: what follows is the end of the command."""
    if _State.line is not None:
        _State.line.stop()


@contextlib.contextmanager
def shown(
    stderr: TextIO, name: str, *, quiet: bool = False, shared: bool = False
) -> Iterator[None]:
    """Show the line of a command while it works; with `quiet` there is none.

    `shared` says that another program may write to the terminal at the same time.
    """
    _State.doing, _State.counts, _State.lengths = (START, None, 0), None, {}
    _State.line = None if quiet else Line(stderr, name, shared=shared)
    try:
        with stopping.final_message(lambda _ending: stop()):
            if _State.line is not None:
                _State.line.start()
            yield
    finally:
        stop()
        _State.line = None


@contextlib.contextmanager
def room(stderr: TextIO) -> Iterator[None]:
    """Make room on the terminal for something else; the line is drawn again below it."""
    with messages.room(stderr) as was_there:
        yield
        if was_there:
            draw()


def activity() -> str:
    """Return what is being done, in words: "transcribing interview.mkv 2:31 and 4 more"."""
    what, record, more = _State.doing
    if record is None:
        return what
    rest = f" and {more} more" if more else ""
    return f"{VERBS.get(what, what)} {_label(record)}{rest}"


def reading(path: str, at_s: float, of_s: float | None) -> None:
    """Note how far a recording has been read, in seconds, and how long it is, if that is known."""
    if of_s:
        _State.lengths[path] = of_s
    whole = f" of {clock(of_s)}" if of_s else ""
    note(f"reading {PurePath(path).name} {clock(at_s)}{whole}")


def length(record: Record) -> float | None:
    """Return how long the recording of a record is in seconds, if `reading` has told."""
    return _State.lengths.get(str(record.get("path")))


def _label(record: Record) -> str:
    """Return the name of a record's file, and where in it the record begins; else its id."""
    path, start, whole = record.get("path"), record.get("start"), length(record)
    name = PurePath(path).name if isinstance(path, str) and path else name_of(record)
    if isinstance(start, int | float) and record.get("end") is not None:
        name += f" {clock(start)}" + (f" of {clock(whole)}" if whole else "")
    return name


class Line:
    """A line on a terminal that is drawn again and again; in a log, a new one now and then."""

    def __init__(self, stderr: TextIO, name: str, *, shared: bool) -> None:
        self.stderr, self.name = stderr, name
        self.terminal = is_terminal(stderr)
        self.shared = shared
        fine = _has_braille(stderr)
        self.frames = SPINNER if fine else ASCII_SPINNER
        self.ellipsis = fitting.ELLIPSIS if fine else "..."
        self.frame = 0
        self.drawn = time.monotonic()
        self.waited: Any = None  # for input, since the line was last drawn
        self.stopped = threading.Event()

    def start(self) -> None:
        """Draw the line for the first time, and from now on."""
        if self.terminal:
            self.draw()
        with contextlib.suppress(RuntimeError):  # no memory for a thread: `tick` draws as well
            _thread.start_new_thread(self._run, ())  # not one that keeps workers from forking

    def stop(self) -> None:
        """Wipe the line; it is not drawn again."""
        self.stopped.set()
        with contextlib.suppress(OSError, ValueError):
            messages.wipe(self.stderr)

    def tick(self) -> None:
        """Draw the line if it is due."""
        if time.monotonic() - self.drawn >= self.every():
            self.draw()

    def every(self) -> float:
        """Return how many seconds pass from one drawing to the next."""
        if not self.terminal:
            return LINE_SECONDS
        return SHARED_SECONDS if self.shared else BAR_SECONDS

    def _run(self) -> None:
        try:
            while not self.stopped.wait(self.every()):
                self.tick()
        except (OSError, ValueError):  # the terminal has gone, or a test's stderr
            return

    def draw(self) -> None:
        """Draw the line; in a log, write one."""
        with messages.LOCK:
            if self.stopped.is_set():
                return
            self.drawn = time.monotonic()
            if not self.terminal:
                messages.lines(self.stderr, f"emocli {self._text()}")
                self.stderr.flush()
            elif not self._waits():
                self.frame = (self.frame + 1) % len(self.frames)
                room = fitting.columns(self.stderr) - 1
                text = f"{self.frames[self.frame]} {self._text(min(BAR_CELLS, room // 4))}"
                text = fitting.shown(text, getattr(self.stderr, "encoding", None) or "utf-8")
                messages.bar(self.stderr, fitting.cut(text, room, self.ellipsis))

    def _waits(self) -> bool:
        """Say whether the input has had nothing since the line was last drawn."""
        before, self.waited = self.waited, _State.doing if _State.doing[0] == WAITING else None
        return self.waited is not None and self.waited is before

    def _text(self, cells: int = 0) -> str:
        counts = _State.counts(cells) if _State.counts else ""
        return f"{counts or self.name}  {activity()}".rstrip()


def is_terminal(stream: TextIO) -> bool:
    """Say whether a line can be drawn over on a stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _has_braille(stderr: TextIO) -> bool:
    """Say whether a terminal shows the dots of the spinner: UTF-8, and not the kernel's font."""
    encoding = (getattr(stderr, "encoding", None) or "").lower().replace("-", "")
    return encoding == "utf8" and os.environ.get("TERM") != "linux"
