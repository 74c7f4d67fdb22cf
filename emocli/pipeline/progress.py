"""Progress of a run on stderr: a bar, warnings, a summary. Nothing is written to stdout."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TextIO

from emocli.io import messages
from emocli.io.columns import clock
from emocli.pipeline import live

WIDTH = 24  # characters of the bar
SOON_S = 1.0  # a rate over less time than this says little


class Progress:
    """Count records, and let the line of the command say how many, how fast and how long still.

    `expected` returns the number of records to come, as far as it can be foretold.
    """

    def __init__(
        self, stderr: TextIO, name: str, expected: Callable[[], int | None], *, quiet: bool
    ) -> None:
        self.stderr, self.name, self.expected, self.quiet = stderr, name, expected, quiet
        self.done = self.failed = 0
        self.started = self.stepped = time.monotonic()
        live.counting(self.text)

    def step(self, *, failed: bool) -> None:
        """Count one record."""
        self.done += 1
        self.failed += failed
        self.stepped = time.monotonic()
        live.tick()

    def warn(self, message: str) -> None:
        """Print a line, above the bar if there is one."""
        messages.say(self.stderr, self.name, message)

    def clear(self) -> None:
        """Say nothing more."""
        live.counting(None)

    def above(self) -> contextlib.AbstractContextManager[None]:
        """Make room on the terminal for a record; the bar is drawn again below it."""
        return live.room(self.stderr)

    def summary(self, ending: str = "") -> None:
        """Print the number of records, of failures, and the time it took."""
        live.stop()
        if not self.quiet:
            seconds = time.monotonic() - self.started
            text = f"{self.done} record{'s' * (self.done != 1)}, {self.failed} failed"
            messages.say(self.stderr, self.name, f"{text}, {seconds:.1f} s{ending}")
        self.stderr.flush()

    def text(self, has_bar: bool) -> str:
        """Return how many records are done, of how many, how fast, and how long the rest takes."""
        now, total = time.monotonic(), self.expected()
        if total == 1 or (total and self.done > total):
            total = None  # nothing to tell of, or records have become several
        text = f"{self.name} {self.done:,}" if self.done or total else self.name
        if total:
            text = f"{self.name} {bar(self.done / total)}" if has_bar else self.name
            text += f" {self.done:,}/{total:,}"
        if self.done and now - self.started > SOON_S:
            text += f"  {self.done / (now - self.started):.1f}/s"
            if total and total > self.done:
                text += f"  {clock(self._left(total, now))} left"
        return text + (f"  {self.failed:,} failed" if self.failed else "")

    def _left(self, total: int, now: float) -> float:
        """Return the seconds that the rest takes if it goes on as it did until the last record."""
        each = (self.stepped - self.started) / self.done
        return each * (total - self.done) - (now - self.stepped)


def bar(share: float) -> str:
    """Return a bar for a share from 0 to 1."""
    return f"[{'#' * round(WIDTH * min(1.0, share)):<{WIDTH}}]"
