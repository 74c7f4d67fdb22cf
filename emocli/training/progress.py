"""Progress of training: a bar with loss and dev metric, and a line per epoch in the log."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import BinaryIO, TextIO

from emocli import records
from emocli.errors import UsageError
from emocli.io import messages
from emocli.pipeline.progress import BAR_SECONDS, LINE_SECONDS, WIDTH
from emocli.records import Record
from emocli.training import distributed

FIGURES = ("train_loss", "dev_loss", "dev_uar", "dev_jsd_bits", "dev_ccc")


class Epochs:
    """Reports every epoch; `about` has further fields for the lines of the log (a fold, a seed)."""

    def __init__(self, stderr: TextIO, quiet: bool, total: int, log: BinaryIO | None) -> None:
        self.stderr = stderr
        self.quiet = quiet or distributed.world()[0] > 0
        self.terminal = self.stderr.isatty()
        self.total, self.log = total, log
        self.drawn = time.monotonic()
        self.about: Record = {}
        self.shown = False

    def __call__(self, line: Record) -> None:
        """Write a line of the log, and redraw the bar if it is due."""
        if self.log is not None:
            self.log.write(records.dumps({**self.about, **line}))
            self.log.flush()
        now = time.monotonic()
        wait = BAR_SECONDS if self.terminal else LINE_SECONDS
        if not self.quiet and now - self.drawn >= wait:
            self.drawn = now
            self._draw(line)

    def _draw(self, line: Record) -> None:
        epoch = line["epoch"]
        where = "".join(f" {name} {value}" for name, value in self.about.items())
        figures = {n: v for n, v in line.items() if n in FIGURES and v is not None}
        text = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        if self.terminal:
            bar = f"{'#' * round(WIDTH * epoch / self.total):<{WIDTH}}"
            messages.bar(self.stderr, f"train{where} [{bar}] {epoch}/{self.total}  {text}")
            self.shown = True
        else:
            line_of_log = f"{where} epoch {epoch}/{self.total}  {text}"
            messages.say(self.stderr, "train", line_of_log.lstrip())
            self.stderr.flush()

    def clear(self) -> None:
        """Clear the bar."""
        if self.shown:
            messages.wipe(self.stderr)
            self.shown = False


def opened(log: Path | None) -> contextlib.AbstractContextManager[BinaryIO | None]:
    """Return the log file, emptied: a resumed run reports its earlier epochs again."""
    if log is None or distributed.world()[0]:
        return contextlib.nullcontext()
    try:
        return open(log, "wb")
    except OSError as error:
        raise UsageError(f"--log {log}: cannot be written: {error.strerror}") from None
