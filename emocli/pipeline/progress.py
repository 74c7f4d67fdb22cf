"""Progress of a run on stderr: a bar, warnings, a summary. Nothing is written to stdout."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TextIO

from emocli.io import messages
from emocli.io.fitting import clock
from emocli.pipeline import live, parts
from emocli.records import Record

SOON_S = 1.0  # a rate over less time than this says little


class Progress:
    """Count records, and let the line of the command say how many, how fast and how long still.

    `expected` returns the number of records to come, as far as it can be foretold.
    """

    def __init__(
        self, stderr: TextIO, name: str, expected: Callable[[], int | None], *, quiet: bool
    ) -> None:
        self.stderr, self.name, self.expected, self.quiet = stderr, name, expected, quiet
        self.done = self.failed = self.kept = self.items = 0
        self.resumed = False  # of the records `kept` are of an earlier run
        self.recording: str | None = None  # whose utterances are coming
        self.part = 0.0  # of the item that was worked on last, from 0 to 1
        self.started = self.stepped = time.monotonic()
        self.before = live.counting(self.text)

    def step(self, *, failed: bool, record: Record | None = None) -> None:
        """Count one record; the utterances of a recording count as parts of it."""
        recording = None if record is None else parts.recording_of(record)
        self.items += recording is None or recording != self.recording
        self.recording = recording
        self.part = 1.0
        if record is not None and recording is not None:
            self.part = min(1.0, record["end"] / (live.length(record) or float("inf")))
        self.done += 1
        self.failed += failed
        self.stepped = time.monotonic()
        live.tick()

    def warn(self, message: str) -> None:
        """Print a line, above the bar if there is one."""
        messages.say(self.stderr, self.name, message)

    def clear(self) -> None:
        """Say nothing more; whoever counts besides goes on."""
        live.counting(self.before)

    def above(self) -> contextlib.AbstractContextManager[None]:
        """Make room on the terminal for a record; the bar is drawn again below it."""
        return live.room(self.stderr)

    def summary(self, ending: str = "") -> None:
        """Print the number of records, of failures, and the time it took."""
        live.stop()
        if not self.quiet:
            seconds = time.monotonic() - self.started
            text = f"{self.done} record{'s' * (self.done != 1)}"
            if self.resumed:
                text += f" ({self.kept} kept, {self.done - self.kept} new)"
            text += f", {self.failed} failed"
            messages.say(self.stderr, self.name, f"{text}, {seconds:.1f} s{ending}")
        self.stderr.flush()

    def text(self, cells: int) -> str:
        """Return how many records are done, of how many, how fast, and how long the rest takes.

        `cells` is the room for a bar, 0 for none.
        """
        seconds, total = time.monotonic() - self.started, self.expected()
        whole = self.items == self.done  # no record has become several
        known = total is not None and total > whole and self.items <= total
        share = (self.items - 1 + self.part) / total if total and self.items else 0.0
        text = self.name
        if known and cells and (whole or share):
            text += f" {bar(share, cells)}"
        if self.done or known:
            text += f" {self.done:,}" + (f"/{total:,}" if known and whole else "")
        if self.done and seconds > SOON_S:
            text += f"  {self.done / seconds:.1f}/s"
            if known and 0 < share < 1:
                text += f"  {clock(self._left(share))} left"
        return text + (f"  {self.failed:,} failed" if self.failed else "")

    def _left(self, share: float) -> float:
        """Return the seconds that the rest takes if it goes on as it did until the last record."""
        until_then = self.stepped - self.started
        return until_then * (1 - share) / share - (time.monotonic() - self.stepped)


def bar(share: float, cells: int) -> str:
    """Return a bar for a share from 0 to 1."""
    return f"[{'#' * round(cells * min(1.0, share)):<{cells}}]"
