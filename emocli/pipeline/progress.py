"""Progress of a run on stderr: a bar, warnings, a summary. Nothing is written to stdout."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TextIO

from emocli.io import messages

BAR_SECONDS = 0.2  # how often a terminal's bar is drawn
LINE_SECONDS = 30.0  # how often a log file gets a line
WIDTH = 24  # characters of the bar


class Progress:
    """Count records and show progress: a bar on a terminal, else a line now and then."""

    def __init__(self, stderr: TextIO, name: str, total: int | None, *, quiet: bool) -> None:
        self.stderr, self.name, self.total, self.quiet = stderr, name, total, quiet
        self.done = self.failed = self.kept = 0
        self.resumed = False  # of the records `kept` are of an earlier run
        self.started = self.drawn = time.monotonic()
        self.terminal = stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.shown = False

    def step(self, *, failed: bool) -> None:
        """Count one record."""
        self.done += 1
        self.failed += failed
        now = time.monotonic()
        if not self.quiet and now - self.drawn >= (BAR_SECONDS if self.terminal else LINE_SECONDS):
            self.drawn = now
            self._draw(now - self.started)

    def warn(self, message: str) -> None:
        """Print a line, above the bar if there is one."""
        self.clear()
        messages.say(self.stderr, self.name, message)

    def clear(self) -> None:
        """Wipe the bar."""
        if self.shown:
            messages.wipe(self.stderr)
            self.shown = False

    @contextlib.contextmanager
    def above(self) -> Iterator[None]:
        """Make room on the terminal for a record; the bar is drawn again below it."""
        shown = self.shown
        self.clear()
        yield
        if shown:
            self._draw(time.monotonic() - self.started)

    def summary(self, ending: str = "") -> None:
        """Print the number of records, of failures, and the time it took."""
        self.clear()
        if not self.quiet:
            seconds = time.monotonic() - self.started
            text = f"{self.done} record{'s' * (self.done != 1)}"
            if self.resumed:
                text += f" ({self.kept} kept, {self.done - self.kept} new)"
            text += f", {self.failed} failed"
            messages.say(self.stderr, self.name, f"{text}, {seconds:.1f} s{ending}")
        self.stderr.flush()

    def _draw(self, seconds: float) -> None:
        rate = self.done / seconds if seconds else 0.0
        text = f"{self.name} {self.done}"
        if self.total:
            filled = round(WIDTH * min(1.0, self.done / self.total))
            text = f"{self.name} [{'#' * filled:<{WIDTH}}] {self.done}/{self.total}"
        text += f"  {rate:.1f}/s" + (f"  {self.failed} failed" if self.failed else "")
        if self.terminal:
            messages.bar(self.stderr, text)
            self.shown = True
        else:
            messages.lines(self.stderr, f"emocli {text}")
            self.stderr.flush()
