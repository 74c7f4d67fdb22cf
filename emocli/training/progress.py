"""Progress of training: a bar with loss and dev metric, and a line per epoch in the log."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO

from emocli import records
from emocli.errors import UsageError
from emocli.pipeline import live
from emocli.pipeline.progress import bar
from emocli.records import Record
from emocli.training import distributed

FIGURES = ("train_loss", "dev_loss", "dev_uar", "dev_jsd_bits", "dev_ccc")


class Epochs:
    """Reports every epoch; `about` has further fields for the lines of the log (a fold, a seed)."""

    def __init__(self, total: int, log: BinaryIO | None) -> None:
        self.total, self.log = total, log
        self.about: Record = {}
        self.line: Record = {}
        live.note("")
        live.counting(self.text)

    def __call__(self, line: Record) -> None:
        """Write a line of the log, and let the line of the command tell the same."""
        if self.log is not None:
            self.log.write(records.dumps({**self.about, **line}))
            self.log.flush()
        self.line = line
        live.tick()

    def text(self, cells: int) -> str:
        """Return which epoch it is, of how many, and its figures."""
        where = "".join(f" {name} {value}" for name, value in self.about.items())
        figures = {n: v for n, v in self.line.items() if n in FIGURES and v is not None}
        text = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        epoch = self.line.get("epoch", 0)
        counted = bar(epoch / self.total, cells) if cells else "epoch"
        return f"train{where} {counted} {round(epoch, 2):g}/{self.total}  {text}"

    def clear(self) -> None:
        """Say no more of epochs: they are over."""
        live.counting(None)
        live.note("finishing")


def opened(log: Path | None) -> contextlib.AbstractContextManager[BinaryIO | None]:
    """Return the log file, emptied: a resumed run reports its earlier epochs again."""
    if log is None or distributed.world()[0]:
        return contextlib.nullcontext()
    try:
        return open(log, "wb")
    except OSError as error:
        raise UsageError(f"--log {log}: cannot be written: {error.strerror}") from None
