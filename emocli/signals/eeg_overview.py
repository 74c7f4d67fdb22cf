"""A long recording of EEG as a few numbers: what a pixel shows of it, its band power, its faults.

All is gathered stretch by stretch, so that memory does not grow with the recording.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import eeg_bands, eeg_repair
from emocli.signals.eeg import Eeg
from emocli.signals.eeg_bands import Band
from emocli.signals.eeg_faults import Mask

Array = npt.NDArray[np.float64]

LINE = 4  # samples in a pixel; where there are fewer, each of them is shown


@dataclass
class Overview:
    """The lowest and the highest sample of channels, and their faults, in equal parts of a span."""

    first: float  # seconds of the recording
    last: float
    names: tuple[str, ...]  # of the channels that are shown
    low: Array  # (channels, columns), uV; NaN where there is nothing
    high: Array
    wrong: Mask  # (channels, columns)
    unusable: Mask  # (columns,): no encoder would use a window there
    each: bool  # a column is a sample, else equal parts of the span

    @property
    def times(self) -> Array:
        """The time of each column in seconds."""
        count = self.low.shape[1]
        width = (self.last - self.first) / count
        at: Array = self.first + (np.arange(count) + (0.0 if self.each else 0.5)) * width
        return at

    def add(self, eeg: Eeg, start: float) -> None:
        """Add a stretch that begins at `start`, in seconds of the recording."""
        count = self.low.shape[1]
        per_s = count / (self.last - self.first)
        at = (start - self.first + np.arange(eeg.samples.shape[1]) / eeg.rate_hz) * per_s
        columns = np.rint(at).astype(int) if self.each else np.floor(at + 1e-6).astype(int)
        inside = np.flatnonzero((columns >= 0) & (columns < count))
        if not len(inside):
            return
        part = slice(inside[0], inside[-1] + 1)
        places, begins = np.unique(columns[part], return_index=True)
        for row, name in enumerate(self.names):
            samples = np.asarray(eeg.samples[eeg.names.index(name), part], np.float64)
            low, high = (way.reduceat(samples, begins) for way in (np.minimum, np.maximum))
            self.low[row, places] = np.fmin(self.low[row, places], low)
            self.high[row, places] = np.fmax(self.high[row, places], high)

    def mark(self, start: float, end: float, wrong: Mask, *, unusable: bool) -> None:
        """Mark a window in which channels (channels,) are wrong."""
        per_s = self.low.shape[1] / (self.last - self.first)
        part = slice(
            max(0, math.floor((start - self.first) * per_s)),
            max(0, math.ceil((end - self.first) * per_s)),
        )
        self.wrong[wrong, part] = True
        self.unusable[part] |= unusable


def overview(
    first: float, last: float, names: Sequence[str], rate_hz: float, most: int
) -> Overview:
    """Return an empty overview of a span in `most` columns, or in its samples if they are few."""
    samples = max(1, round((last - first) * rate_hz))
    each = samples <= LINE * most
    shape = (len(names), samples if each else most)
    empty = (np.full(shape, np.nan), np.full(shape, np.nan))
    nowhere = (np.zeros(shape, np.bool_), np.zeros(shape[1], np.bool_))
    return Overview(first, last, tuple(names), *empty, *nowhere, each)


@dataclass
class Levels:
    """The mean of what windows say of channels in bands; NaN is left out, channel by channel."""

    total: Array  # (channels, bands)
    counts: Array
    windows: int = 0

    def add(self, values: npt.NDArray[np.floating]) -> None:
        """Add windows (windows, channels, bands)."""
        known = np.isfinite(values)
        self.total += np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
        self.counts += known.sum(axis=0)
        self.windows += int(known.any(axis=(1, 2)).sum())

    @property
    def mean(self) -> Array:
        """The means (channels, bands), NaN where no window says anything."""
        with np.errstate(invalid="ignore"):
            means: Array = self.total / self.counts
        return means


def levels(channels: int, bands: int) -> Levels:
    """Return the levels of no windows."""
    return Levels(np.zeros((channels, bands)), np.zeros((channels, bands)))


def decibels(power_uv2: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return power in dB above 1 uV^2; the power of a flat channel counts as 1e-12 uV^2."""
    found: npt.NDArray[np.floating] = 10.0 * np.log10(np.maximum(power_uv2, eeg_bands.LEAST_UV2))
    return found


def power_of_entropy(entropy: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the power in uV^2 whose differential entropy in nats is given."""
    power: npt.NDArray[np.floating] = np.exp(2.0 * (entropy - eeg_bands.ENTROPY_OF_ONE))
    return power


@dataclass
class Windows:
    """What is known of the windows of stretches: times, which can be used, and power."""

    starts: Array  # (windows,), seconds from the start of the stretch
    window_s: float
    usable: Mask  # (windows,)
    power_db: npt.NDArray[np.floating] | None  # (windows, channels, bands); NaN where wrong


def measured(eeg: Eeg, bands: Mapping[str, Band] | None, bad: Collection[str] = ()) -> Windows:
    """Return the windows of a stretch, and their power in dB above 1 uV^2 if bands are given.

    Channels that are wrong in a window are interpolated as for encoders; where that is impossible
    they are NaN, so are `bad` ones that are interpolated throughout, and the others are what they
    are.
    """
    usable, power = [], []
    interpolated = np.isin(eeg.names, list(bad))
    place = 0
    for windows, good in eeg_repair.repaired(eeg):
        wrong = (eeg.wrong[place : place + len(windows)] | interpolated) & ~good[:, None]
        place += len(windows)
        usable.append(good)
        if bands is not None:
            level = decibels(eeg_bands.band_power(windows, eeg.rate_hz, bands))
            level[wrong] = np.nan
            power.append(level)
    starts = np.arange(place) * eeg.grid.step / eeg.rate_hz
    flat = np.concatenate(usable) if usable else np.zeros(0, np.bool_)
    return Windows(starts, eeg.window_s, flat, np.concatenate(power) if power else None)


def measurable(bands: Mapping[str, Band], rate_hz: float, window_s: float) -> dict[str, Band]:
    """Return the bands that a rate and a window allow; RecordError if there are none."""
    found = {}
    problem: RecordError | None = None
    for name, edges in bands.items():
        try:
            size = round(min(eeg_bands.SEGMENT_S, window_s) * rate_hz)
            eeg_bands.columns_of({name: edges}, size, rate_hz)
            found[name] = edges
        except RecordError as error:
            problem = error
    if not found and problem is not None:
        raise problem
    return found


@dataclass
class Faults:
    """How long each channel was bad, and why; how many windows of channels had which fault."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    why: dict[str, str] = field(default_factory=dict)
    windows: Counter[str] = field(default_factory=Counter)
    total_s: float = 0.0

    def add(self, seconds: float, channels: Mapping[str, str], windows: Mapping[str, int]) -> None:
        """Add what was found in a stretch."""
        self.total_s += seconds
        for name in channels:
            self.seconds[name] += seconds
        self.why |= {name: why for name, why in channels.items() if name not in self.why}
        self.windows.update(windows)

    def share(self, channel: str) -> float:
        """Return in which share of the time a channel was bad."""
        return self.seconds.get(channel, 0.0) / self.total_s if self.total_s else 0.0
