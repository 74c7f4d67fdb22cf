"""Fit a recording of EEG to a network: its electrodes, its rate, its windows.

All limits are our choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emocli.errors import RecordError
from emocli.signals import eeg_filters, eeg_montage, eeg_splines
from emocli.signals.eeg import Eeg, Samples

# Shares of a network's electrodes that may be interpolated: a larger montage is preferred while
# less than the first is; where more than the second would be, there is too little to go by.
MOST_MADE = (0.25, 0.5)
LEAST_PLACED = 4  # electrodes with a position, to interpolate from
BLOCK_S = 60.0  # that is resampled at a time


@dataclass(frozen=True)
class Fit:
    """How the electrodes of a recording become those of a network."""

    names: tuple[str, ...]  # of the network, in its order
    matrix: Samples  # (electrodes of the network, of the recording)
    made: tuple[str, ...]  # those that are interpolated
    unused: tuple[str, ...]  # of the recording

    def applied(self, windows: Samples) -> Samples:
        """Return windows (windows, electrodes of the network, time) of those of a recording."""
        if self.made:
            return np.asarray(self.matrix @ windows)
        return windows[:, self.matrix.argmax(axis=1)]

    def told(self, network: str) -> list[str]:
        """Return what a user should know."""
        told = []
        if self.made:
            shown = eeg_montage.shown(self.made)
            told.append(f"{len(self.made)} of {len(self.names)} electrodes interpolated: {shown}")
        if self.unused:
            shown = eeg_montage.shown(self.unused)
            told.append(f"electrodes left out, since {network} does not take them: {shown}")
        return told


def fitted(names: Sequence[str], montages: Sequence[tuple[str, ...]], network: str) -> Fit:
    """Return how the electrodes of a recording become those of one of a network's montages.

    The first of which a quarter is interpolated at most, else the first with half at most. Raises
    RecordError, naming what is missing, where neither is so.
    """
    there = eeg_montage.positions()
    placed = sum(name in there for name in names)
    for share in MOST_MADE:
        for wanted in montages:
            made = tuple(name for name in wanted if name not in names)
            if len(made) <= share * len(wanted) and wanted and (placed >= LEAST_PLACED or not made):
                unused = tuple(name for name in names if name not in wanted)
                return Fit(wanted, eeg_splines.interpolation(names, wanted), made, unused)
    raise _missing(names, montages[-1] if montages else (), network)


def _missing(names: Sequence[str], wanted: tuple[str, ...], network: str) -> RecordError:
    lost = [name for name in wanted if name not in names]
    message = f"{len(lost)} of the {len(wanted)} electrodes that {network} takes are missing"
    message = f"{message}: {eeg_montage.shown(lost)}" if lost else f"{network} knows none of them"
    hint = f"the recording has {eeg_montage.shown(list(names))}; at most half is interpolated"
    return RecordError("missing_electrode", message, hint=hint)


def at_rate(eeg: Eeg, rate_hz: float, least_hz: float, network: str) -> Eeg:
    """Return the recording at a network's rate, with the same windows.

    Raises RecordError where its own rate is below `least_hz`.
    """
    if eeg.rate_hz < least_hz:
        message = f"{network} needs frequencies up to {least_hz / 2:g} Hz"
        hint = f"emocli extract-eeg --rate {rate_hz:g}, from a recording that has them"
        raise RecordError(
            "rate_too_low", f"{message}, a rate of {eeg.rate_hz:g} Hz has none", hint=hint
        )
    if eeg.rate_hz == rate_hz:
        return eeg
    blocks = [block.astype(np.float32) for block in _resampled(eeg, rate_hz)]
    resampled = replace(eeg, samples=np.concatenate(blocks, axis=1), rate_hz=rate_hz)
    return replace(resampled, samples=_as_long(resampled))


def _resampled(eeg: Eeg, rate_hz: float) -> Iterator[Samples]:
    size = round(BLOCK_S * eeg.rate_hz)
    starts = range(0, eeg.samples.shape[1], size)
    blocks = (eeg.samples[:, at : at + size].astype(np.float64) for at in starts)
    return eeg_filters.resampled(blocks, eeg.rate_hz, rate_hz)  # type: ignore[return-value]


def _as_long(eeg: Eeg) -> Samples:
    """Return as many samples as its windows need: rounding may have made one too few or more."""
    need = (len(eeg.wrong) - 1) * eeg.grid.step + eeg.grid.size
    lacks = need - eeg.samples.shape[1]
    if lacks > 0:
        return np.pad(eeg.samples, ((0, 0), (0, lacks)), mode="edge")
    return eeg.samples[:, : need + eeg.grid.step - 1]


def patches(eeg: Eeg, size: int, most: int, network: str) -> int:
    """Return how many patches of `size` samples a window has: a whole number up to `most`.

    Raises RecordError where it has not, and where there is no window.
    """
    if not len(eeg.wrong):
        message = f"{eeg.duration:g} s are less than a window of {eeg.window_s:g} s"
        raise RecordError("too_short", message, hint="a shorter --window")
    count, rest = divmod(eeg.grid.size, size)
    if rest or not 1 <= count <= most:
        patch_s = size / eeg.rate_hz
        message = (
            f"{network} takes windows of {patch_s:g} s, or a multiple up to {most * patch_s:g} s"
        )
        hint = "emocli extract-eeg --window 4 --overlap 2"
        raise RecordError("bad_windows", f"{message}, not {eeg.window_s:g} s", hint=hint)
    return count
