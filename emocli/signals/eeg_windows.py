"""Cut a recording that comes in blocks into windows, and refer channels to their mean.

Blocks are (channels, time), in order, of any lengths; windows (windows, channels, time).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError

Array = npt.NDArray[np.float64]

WINDOW_S, OVERLAP_S = 4.0, 2.0
TOGETHER = 16  # windows that are handed on together


@dataclass(frozen=True)
class Grid:
    """Windows in samples: a window begins every `step` samples, and is `size` long."""

    size: int
    step: int
    rate_hz: float

    def count(self, samples: int) -> int:
        """Return the number of whole windows in so many samples."""
        return max(0, (samples - self.size) // self.step + 1)

    def start(self, window: int) -> float:
        """Return the start of a window in seconds."""
        return window * self.step / self.rate_hz


def grid(rate_hz: float, window: float = WINDOW_S, overlap: float = OVERLAP_S) -> Grid:
    """Return the grid of windows of so many seconds; RecordError for an impossible one.

    >>> grid(200, 4, 2).count(200 * 10)
    4
    """
    size, step = round(window * rate_hz), round((window - overlap) * rate_hz)
    if size < 2 or step < 1 or overlap < 0:
        message = f"windows of {window:g} s with an overlap of {overlap:g} s at {rate_hz:g} Hz"
        raise RecordError("bad_windows", message, hint="an overlap shorter than the window")
    return Grid(size, step, rate_hz)


def require_one(samples: int, of: Grid) -> None:
    """Raise RecordError where a recording is shorter than a window."""
    if not of.count(samples):
        message = f"{samples / of.rate_hz:g} s are less than a window of {of.size / of.rate_hz:g} s"
        raise RecordError("too_short", message, hint="a shorter --window")


def windows(blocks: Iterable[Array], of: Grid, together: int = TOGETHER) -> Iterator[Array]:
    """Yield the whole windows of a recording, `together` at a time: (windows, channels, time).

    What is left at the end is less than a window. An array may share memory with its blocks.
    """
    need = of.size + (together - 1) * of.step
    for held in _held(blocks, need, of.step * together):
        count = min(together, of.count(held.shape[1]))
        if count:
            view = np.lib.stride_tricks.sliding_window_view(held, of.size, axis=1)
            yield view[:, :: of.step][:, :count].transpose(1, 0, 2)


def _held(blocks: Iterable[Array], need: int, step: int) -> Iterator[Array]:
    """Yield `need` samples every `step` samples, and what is left at the end."""
    kept: list[Array] = []
    length = 0
    for block in blocks:
        kept.append(block)
        length += block.shape[1]
        while length >= need:
            held = kept[0] if len(kept) == 1 else np.concatenate(kept, axis=1)
            yield held[:, :need]
            kept, length = [held[:, step:]], held.shape[1] - step
    if kept:
        yield np.concatenate(kept, axis=1)


def average_reference(
    blocks: Iterable[Array], good: npt.NDArray[np.bool_] | None = None
) -> Iterator[Array]:
    """Yield blocks (channels, time) minus the mean of the good channels at every moment.

    Where a sample of a channel is NaN, the mean is that of the others. Raises RecordError where no
    channel is good.
    """
    if good is not None and not good.any():
        raise RecordError("no_good_channels", "no channel is good enough for an average reference")
    for block in blocks:
        counted = block if good is None else block[good]
        finite = np.isfinite(counted)
        total = np.where(finite, counted, 0.0).sum(axis=0)
        yield block - total / np.maximum(finite.sum(axis=0), 1)
