"""Interpolate bad channels, throughout or in single windows, from the good ones.

A window in which more than half of the channels are wrong is not repaired but not used, and so is
one with a wrong channel that nothing can be made of: electrodes without a position, or fewer than
four good ones around it (both shares are our choice).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import eeg_montage, eeg_splines, eeg_windows
from emocli.signals.eeg import Eeg, Samples
from emocli.signals.eeg_faults import Mask

LEAST_GOOD = 4  # electrodes: fewer say little about a place between them
MOST_WRONG = 0.5  # share of channels

Usable = npt.NDArray[np.bool_]  # (windows,)


def channels(eeg: Eeg, bad: Mask) -> tuple[Eeg, dict[str, str]]:
    """Return the EEG with channels that are bad throughout interpolated, and what was done to each.

    `bad` is (channels,). A channel that cannot be interpolated is wrong in every window, another
    one where some good channel is wrong: there it will be made of the rest. Raises RecordError
    where no channel is good.
    """
    if bad.all():
        raise RecordError("no_good_channels", "no channel is good: all are flat, lost or clipped")
    names = [name for name, is_bad in zip(eeg.names, bad, strict=True) if is_bad]
    if not names:
        return eeg, {}
    wrong = eeg.wrong.copy()
    matrix = _matrix(eeg.names, tuple(bad.tolist()))
    wrong[:, bad] = True if matrix is None else wrong[:, ~bad].any(axis=1, keepdims=True)
    if matrix is not None:
        good = np.flatnonzero(~bad)
        for first in range(0, eeg.samples.shape[1], eeg_windows.TOGETHER * eeg.grid.size):
            part = slice(first, first + eeg_windows.TOGETHER * eeg.grid.size)
            eeg.samples[bad, part] = matrix @ eeg.samples[good, part]
    done = "" if matrix is None else ", interpolated"
    return replace(eeg, wrong=wrong), dict.fromkeys(names, done)


def repaired(eeg: Eeg, together: int = eeg_windows.TOGETHER) -> Iterator[tuple[Samples, Usable]]:
    """Yield windows (windows, channels, time), some at a time, and which can be used (windows,).

    Wrong channels of a window are interpolated from those that are good in it.
    """
    place = 0
    for windows in eeg.windows(together):
        wrong = eeg.wrong[place : place + len(windows)]
        place += len(windows)
        if not wrong.any():
            yield windows, np.ones(len(windows), np.bool_)
            continue
        windows, usable = windows.copy(), np.ones(len(windows), np.bool_)
        for row in np.flatnonzero(wrong.any(axis=1)):
            matrix = _matrix(eeg.names, tuple(wrong[row].tolist()))
            usable[row] = matrix is not None
            if matrix is not None:
                windows[row, wrong[row]] = matrix @ windows[row, ~wrong[row]]
        yield windows, usable


def _matrix(names: tuple[str, ...], bad: tuple[bool, ...]) -> Samples | None:
    """Return the matrix (bad, good), or None where bad channels cannot be interpolated."""
    there = eeg_montage.positions()
    lost = [name for name, is_bad in zip(names, bad, strict=True) if is_bad]
    good = [name for name, is_bad in zip(names, bad, strict=True) if not is_bad]
    placed = sum(name in there for name in good)
    if len(lost) > MOST_WRONG * len(names) or placed < LEAST_GOOD:
        return None
    if any(name not in there for name in lost):
        return None
    return eeg_splines.interpolation(good, lost)
