"""Refer EEG to the mean of what is good at a time, and find artifacts before they are in the mean.

A window is wrong for a channel; a moment is, where some window that it lies in is wrong. Moments
between the starts of two windows lie in the same windows: such a cell has one set of good channels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from emocli.signals import eeg_faults
from emocli.signals.eeg import Eeg
from emocli.signals.eeg_faults import Mask

LEAST_GOOD = 2  # channels in a mean; where fewer are, all are taken
CELLS = 64  # with the same good channels that are worked on together


def artifacts(eeg: Eeg, good: Mask, threshold_uv: float, *, median: bool) -> Mask:
    """Return where windows go beyond a threshold, (windows, channels).

    With `median`, samples are taken relative to the median of the good channels at a time, which
    a burst on one of them does not change.
    """
    found = []
    for windows in eeg.windows():
        if median:
            windows = windows - np.median(windows[:, good], axis=1, keepdims=True)
        found.append(eeg_faults.artifacts(windows, threshold_uv))
    return np.concatenate(found) if found else np.zeros((0, len(eeg.names)), np.bool_)


def subtract_mean(eeg: Eeg, wrong: Mask) -> None:
    """Subtract, at every moment, the mean of the channels that are not wrong then; in place."""
    step, time = eeg.grid.step, eeg.samples.shape[1]
    cells = _cells(wrong, -(-eeg.grid.size // step), -(-time // step))
    first = 0
    while first < len(cells):
        last = first + 1
        while last < min(len(cells), first + CELLS) and (cells[last] == cells[first]).all():
            last += 1
        part = eeg.samples[:, first * step : last * step]
        good = ~cells[first]
        chosen = part[good] if good.sum() >= LEAST_GOOD else part
        part -= chosen.mean(axis=0, dtype=np.float64).astype(np.float32)
        first = last


def _cells(wrong: Mask, overlapping: int, count: int) -> npt.NDArray[np.bool_]:
    """Return which channels are wrong (cells, channels); a cell is a step of the grid.

    Cell c lies in the windows c - overlapping + 1 to c. Behind the last window it is the last
    window that counts.
    """
    cells = np.zeros((count, wrong.shape[1]), np.bool_)
    for shift in range(overlapping):
        end = min(count, len(wrong) + shift)
        cells[shift:end] |= wrong[: max(0, end - shift)]
    if len(wrong) and count > len(wrong) + overlapping - 1:
        cells[len(wrong) + overlapping - 1 :] = wrong[-1]
    return cells
