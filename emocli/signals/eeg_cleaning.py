"""Clean a stretch of EEG: filter, refer to the average, resample; say what is wrong with it.

Two readings of the file. The first finds what is no EEG in the samples as they were recorded: lost,
flat or clipped windows, and channels that are bad throughout. The second fills lost samples, takes
out the mains, filters and resamples; windows that go beyond the threshold of artifacts are marked,
what is good at a time makes the average reference, and bad channels are interpolated from their
neighbours, as far as it is known where electrodes are.

Nothing is left out: `wrong` marks windows of channels, and what is done is counted. Filters see the
recording on either side of a stretch, so that a part of a file is what it is in the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import (
    eeg_faults,
    eeg_filters,
    eeg_montage,
    eeg_reference,
    eeg_repair,
    eeg_windows,
)
from emocli.signals.eeg import Eeg, Samples
from emocli.signals.eeg_faults import Mask
from emocli.signals.eeg_files import Recording
from emocli.signals.eeg_preparation import (
    AVERAGE,
    BAND_HZ,
    LEAST_RATE_HZ,
    RATE_HZ,
    Edges,
    Preparation,
)

Array = npt.NDArray[np.float64]

BEYOND_S = 0.05  # a stretch that ends so long after the recording is told: our choice


@dataclass(frozen=True)
class Cleaned:
    """A cleaned stretch, how it was prepared, and what was found."""

    eeg: Eeg
    band_hz: Edges
    channels: dict[str, str] = field(default_factory=dict)  # bad throughout -> why
    windows: dict[str, int] = field(default_factory=dict)  # kind -> windows of channels
    others: tuple[str, ...] = ()  # channels of the file that are not electrodes
    warnings: tuple[str, ...] = ()


def clean(
    recording: Recording,
    wanted: Preparation,
    start: float | None = None,
    end: float | None = None,
    *,
    bad: tuple[str, ...] = (),
) -> Cleaned:
    """Return a stretch of a recording, all by default, from `start` to `end` in seconds.

    `bad` are electrodes known to be bad. Raises RecordError where an electrode is missing or there
    twice, the stretch is less than a window or outside the file, or no channel is good.
    """
    names, chosen, others = _chosen(recording, wanted)
    span = _span(recording, start, end)
    rate = _rate(recording, wanted)
    band = _band(recording, wanted)
    raw_grid = eeg_windows.grid(recording.rate_hz, wanted.window_s, wanted.overlap_s)
    eeg_windows.require_one(span[1] - span[0], raw_grid)
    found, sd_uv = _faults(chosen, span, raw_grid)
    known_bad = np.isin(_files_names(recording, chosen), [*bad, *recording.bad])
    bad_now = eeg_faults.bad_channels(eeg_faults.any_of(found), sd_uv) | known_bad
    if bad_now.all():
        raise RecordError("no_good_channels", "no channel is good: all are flat, lost or clipped")
    found["marked"] = _marked(recording, span, raw_grid, len(names))
    samples = _second(chosen, span, _taps(recording.rate_hz, wanted, band), rate)
    eeg = Eeg(samples, names, rate, _none(0, len(names)), wanted.window_s, wanted.overlap_s)
    eeg, windows = _referenced(eeg, found, bad_now, wanted)
    repaired, why = eeg_repair.channels(eeg, bad_now)
    told = {n: _why(i, found, known_bad) + why[n] for i, n in enumerate(names) if bad_now[i]}
    warnings = (*recording.warnings, *_told(recording, wanted, end))
    return Cleaned(repaired, band, told, windows, others, warnings)


def _files_names(recording: Recording, chosen: Recording) -> list[str]:
    """Return the names that the file has for the channels chosen."""
    names = dict(zip(recording.places, recording.names, strict=True))
    return [names[place] for place in chosen.places]


def _told(recording: Recording, wanted: Preparation, end: float | None) -> Iterator[str]:
    """Yield what there is to tell of the channels and the stretch."""
    if not wanted.channels and eeg_montage.montage(recording.names).all_are_taken:
        yield "most channels are no 10-05 electrodes: all are taken, without positions"
    if end is not None and end > recording.duration + BEYOND_S:
        yield f"the recording ends at {recording.duration:g} s, before {end:g} s"


def _marked(
    recording: Recording, span: tuple[int, int], grid: eeg_windows.Grid, channels: int
) -> Mask:
    """Return the windows, of all channels, that somebody has marked bad in the file."""
    starts = span[0] + grid.step * np.arange(grid.count(span[1] - span[0]))
    bad = np.zeros(len(starts), np.bool_)
    for first, last in recording.bad_spans:
        a, b = first * recording.rate_hz, last * recording.rate_hz
        bad |= (starts < b) & (starts + grid.size > a)
    return np.repeat(bad[:, None], channels, axis=1)


def _chosen(
    recording: Recording, wanted: Preparation
) -> tuple[tuple[str, ...], Recording, tuple[str, ...]]:
    """Return the electrodes, the recording with their channels, and the channels left out."""
    montage = eeg_montage.montage(recording.names)
    places = montage.chosen(wanted.channels)
    names = tuple(places)
    taken = set(places.values())
    unknown = (montage.channels[n] for n in montage.others.values() if n not in taken)
    others = (*recording.others, *unknown)
    return names, recording.chosen(tuple(places.values()), names), others


def _span(recording: Recording, start: float | None, end: float | None) -> tuple[int, int]:
    """Return the first and the last sample of a stretch; RecordError if it is not in the file."""
    first = max(0, round((start or 0.0) * recording.rate_hz))
    last = recording.samples if end is None else round(end * recording.rate_hz)
    if first >= recording.samples or last <= first:
        message = f"from {start or 0.0:g} to {'the end' if end is None else f'{end:g} s'}"
        message += f": the recording has {recording.duration:g} s"
        raise RecordError("bad_span", message, hint="start and end are seconds of the file")
    return first, min(last, recording.samples)


def _rate(recording: Recording, wanted: Preparation) -> float:
    rate = wanted.rate_hz or min(RATE_HZ, recording.rate_hz)
    if rate < LEAST_RATE_HZ:
        raise RecordError("bad_rate", f"a rate of {rate:g} Hz is too low for EEG")
    return rate


def _band(recording: Recording, wanted: Preparation) -> Edges:
    """Return the edges of the band; by default the upper one is where there is room for it."""
    if wanted.band_hz is not None:
        return wanted.band_hz
    low, high = BAND_HZ
    return low, high if high < eeg_filters.HARMONICS_BELOW * recording.rate_hz / 2 else None


def _taps(rate_hz: float, wanted: Preparation, band: Edges) -> list[Array]:
    """Return the filters, in the order in which they are applied."""
    taps = []
    if wanted.notch_hz:
        taps.append(eeg_filters.notch(rate_hz, wanted.notch_hz))
    if band != (None, None):
        taps.append(eeg_filters.band_pass(rate_hz, *band))
    return taps


def _faults(
    recording: Recording, span: tuple[int, int], grid: eeg_windows.Grid
) -> tuple[dict[str, Mask], Array]:
    """Return the faults of windows as recorded, and the median SD of each channel's windows."""
    kinds: list[dict[str, Mask]] = []
    deviations = []
    blocks = recording.between(*span)
    for windows in eeg_windows.windows(blocks, grid):
        kinds.append(eeg_faults.faults(windows, recording.rate_hz))
        with np.errstate(invalid="ignore"):
            deviations.append(windows.std(axis=2))
    found = {kind: np.concatenate([one[kind] for one in kinds]) for kind in eeg_faults.KINDS}
    sd = np.concatenate(deviations)
    sd[~np.isfinite(sd)] = np.nan
    with np.errstate(invalid="ignore"):
        return found, np.nan_to_num(np.nanmedian(sd, axis=0)) if np.isfinite(sd).any() else sd[0]


def _second(recording: Recording, span: tuple[int, int], taps: list[Array], rate: float) -> Samples:
    """Return the samples (channels, time) of a stretch, filtered and resampled."""
    up, down = eeg_filters.ratio(recording.rate_hz, rate).as_integer_ratio()
    reach = sum(len(one) // 2 for one in taps) + eeg_filters.reach(recording.rate_hz, rate)
    before = min(math.ceil(reach / down) * down, span[0] // down * down)
    last = min(recording.samples, span[1] + reach)
    blocks: Iterator[Array] = eeg_filters.filled(recording.between(span[0] - before, last))
    for one in taps:
        blocks = eeg_filters.filtered(blocks, one)
    blocks = eeg_filters.resampled(blocks, recording.rate_hz, rate)
    count = math.ceil((span[1] - span[0]) * up / down)
    samples = np.empty((len(recording.names), count), np.float32)
    place = -(before // down * up)
    for block in blocks:
        first, end = max(0, place), min(count, place + block.shape[1])
        if end > first:
            samples[:, first:end] = block[:, first - place : end - place]
        place += block.shape[1]
    return samples


def _referenced(
    eeg: Eeg, found: dict[str, Mask], bad: Mask, wanted: Preparation
) -> tuple[Eeg, dict[str, int]]:
    """Return the EEG minus the mean of what is good at a time, its mask, and counts of faults.

    A burst on one electrode is found against the median of all, before it is in their mean.
    """
    average = wanted.reference == AVERAGE and len(eeg.names) > 1
    count = eeg.grid.count(eeg.samples.shape[1])  # a window more or less than in the file
    masks = {kind: _of_length(mask, count) for kind, mask in found.items()}
    wrong = eeg_faults.any_of(masks)
    artifact = eeg_reference.artifacts(eeg, ~bad, wanted.artifact_uv, median=average)
    if average:
        eeg_reference.subtract_mean(eeg, wrong | artifact | bad)
        artifact |= eeg_reference.artifacts(eeg, ~bad, wanted.artifact_uv, median=False)
    masks["artifact"] = artifact & ~wrong
    counts = eeg_faults.counts({kind: mask[:, ~bad] for kind, mask in masks.items()})
    return replace(eeg, wrong=wrong | artifact), counts


def _of_length(mask: Mask, count: int) -> Mask:
    """Return a mask of so many windows; the last one stands for those that are not there."""
    return mask[np.minimum(np.arange(count), len(mask) - 1)]


def _none(windows: int, channels: int) -> Mask:
    return np.zeros((windows, channels), np.bool_)


def _why(channel: int, found: dict[str, Mask], known_bad: Mask) -> str:
    """Return why a channel is bad: most of its windows are, or its SD is unlike the others'."""
    if known_bad[channel]:
        return "marked bad"
    shares = {kind: float(mask[:, channel].mean()) for kind, mask in found.items()}
    kind = max(shares, key=lambda one: shares[one])
    return kind if sum(shares.values()) > eeg_faults.BAD_SHARE else "unlike the others"
