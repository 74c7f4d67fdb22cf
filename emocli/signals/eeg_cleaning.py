"""Clean a stretch of EEG: filter, refer to the average, resample; say what is wrong with it.

Two readings of the file. The first finds what is no EEG in the samples as they were recorded: lost,
flat or clipped windows, and channels that are bad throughout. The second fills lost samples, takes
out the mains, filters, refers to the mean of the good channels and resamples; then windows that go
beyond the threshold of artifacts are marked, and bad channels are interpolated from their
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
from emocli.signals import eeg_faults, eeg_filters, eeg_montage, eeg_repair, eeg_windows
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
    known_bad = np.isin(names, [eeg_montage.electrode(name) or name for name in bad])
    bad_now = eeg_faults.bad_channels(eeg_faults.any_of(found), sd_uv) | known_bad
    taps = _taps(recording.rate_hz, wanted, band)
    samples = _second(chosen, span, (taps, wanted.reference, ~bad_now, rate))
    eeg = Eeg(samples, names, rate, _none(0, len(names)), wanted.window_s, wanted.overlap_s)
    wrong, windows = _wrong(eeg, found, bad_now, wanted.artifact_uv)
    repaired, why = eeg_repair.channels(replace(eeg, wrong=wrong), bad_now)
    told = {n: _why(i, found, known_bad) + why[n] for i, n in enumerate(names) if bad_now[i]}
    return Cleaned(repaired, band, told, windows, others, recording.warnings)


def _chosen(
    recording: Recording, wanted: Preparation
) -> tuple[tuple[str, ...], Recording, tuple[str, ...]]:
    """Return the electrodes, the recording with their channels, and the channels left out."""
    montage = eeg_montage.montage(recording.names)
    places = montage.chosen(wanted.channels)
    names = tuple(places)
    others = (*recording.others, *(name for name in montage.unknown if name not in places))
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


def _second(
    recording: Recording,
    span: tuple[int, int],
    how: tuple[list[Array], str, Mask, float],
) -> Samples:
    """Return the samples (channels, time) of a stretch, filtered, referenced and resampled."""
    taps, reference, good, rate = how
    up, down = eeg_filters.ratio(recording.rate_hz, rate).as_integer_ratio()
    reach = sum(len(one) // 2 for one in taps)
    before = min(math.ceil(reach / down) * down, span[0] // down * down)
    last = min(recording.samples, span[1] + reach)
    blocks: Iterator[Array] = eeg_filters.filled(recording.between(span[0] - before, last))
    for one in taps:
        blocks = eeg_filters.filtered(blocks, one)
    if reference == AVERAGE and len(recording.names) > 1:
        blocks = eeg_windows.average_reference(blocks, good)
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


def _wrong(
    eeg: Eeg, found: dict[str, Mask], bad: Mask, threshold_uv: float
) -> tuple[Mask, dict[str, int]]:
    """Return what is wrong (windows, channels) and the counts of channels that are good."""
    artifact = [eeg_faults.artifacts(windows, threshold_uv) for windows in eeg.windows()]
    masks = {**found, "artifact": np.concatenate(artifact)}
    count = len(masks["artifact"])  # a window more or less than at the rate of the file
    masks = {kind: _of_length(mask, count) for kind, mask in masks.items()}
    masks["artifact"] &= ~eeg_faults.any_of({k: m for k, m in masks.items() if k != "artifact"})
    counts = eeg_faults.counts({kind: mask[:, ~bad] for kind, mask in masks.items()})
    return eeg_faults.any_of(masks), counts


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
