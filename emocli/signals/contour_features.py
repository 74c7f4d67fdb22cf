"""Follow how something is said frame by frame, as numbers that a model can read.

Low-level descriptors in the manner of eGeMAPS (Eyben et al. 2016,
https://doi.org/10.1109/TAFFC.2015.2457417): pitch, intensity, harmonicity and formants through
Praat (`tracks`), the rest from spectra (`spectral_frames`), every 10 ms. Our choices beyond that:
what only a voice has is drawn straight across the frames without one and held at the ends, and
`voiced` says where it was measured; nothing is smoothed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import formants, spectral_frames, tracks
from emocli.signals.tracks import Array, Mask, Samples, Tracks

STEP_S = tracks.LOUD_STEP_S
MIN_DURATION_S = 0.1  # what Praat needs, see `prosody`
REFERENCE_HZ = 27.5  # semitones are above A0, as in eGeMAPS: no voice is negative
DELTA_FRAMES = 2  # on either side: slopes over 50 ms
BLOCK = 6000  # frames whose spectra are in memory at a time: one minute
FAINTEST_DB = 0.0  # of intensity: Praat writes -300 for zeros
VERSION = 1  # of the columns and of the functionals; goes up when one changes its meaning

# What stands in a recording without any voice: a pitch between low and high voices; no noise and
# no harmony; the formants of a neutral tract, 17.5 cm long (Fant 1960); a source that falls by
# 12 dB per octave, raised by 6 at the lips: H2 is an octave above H1, F3 is four.
STAND_INS = {
    "f0_st": 12 * math.log2(formants.HIGH_VOICE_HZ / REFERENCE_HZ),
    "hnr_db": 0.0,
    "f1_hz": 500.0,
    "f2_hz": 1500.0,
    "f3_hz": 2500.0,
    "h1_h2_db": 6.0,
    "h1_a3_db": 24.0,
}
COLUMNS = (
    *("f0_st", "voiced", "f0_slope_st_per_s", "intensity_db", "intensity_slope_db_per_s"),
    *("hnr_db", "f1_hz", "f2_hz", "f3_hz", "h1_h2_db", "h1_a3_db"),
    *spectral_frames.COLUMNS,
)


class Contours(NamedTuple):
    """What there is of a recording, every 10 ms, by the names in `COLUMNS`."""

    times: Array  # (frames,) the middle of each, seconds from the start
    values: dict[str, Array]  # (frames,) each, always finite
    tracks: Tracks  # as Praat gave them

    @property
    def voiced(self) -> Mask:
        """Say which frames have a pitch."""
        mask: Mask = self.values["voiced"] > 0
        return mask


def frames(samples: Samples, rate_hz: float = 16_000) -> npt.NDArray[np.float32]:
    """Return `COLUMNS` (frames, 28) of samples (time,), 100 frames a second, always finite.

    f0_st: semitones above 27.5 Hz. voiced: 1 or 0. Slopes: least-squares lines over 50 ms, of the
    pitch 0 without a voice. intensity_db: Praat's, above 2e-5; at least 0. h1_h2_db, h1_a3_db:
    `spectral_frames.harmonic_differences`, which also says what the others are. Raises RecordError
    too_short below 0.1 s.
    """
    found = follow(samples, rate_hz).values
    return np.column_stack([found[name] for name in COLUMNS]).astype(np.float32)


def follow(samples: Samples, rate_hz: float = 16_000) -> Contours:
    """Return the contours of samples (time,); RecordError too_short below 0.1 s."""
    seconds = len(samples) / rate_hz
    if seconds < MIN_DURATION_S:
        message = f"{seconds:g} s of audio is too short for prosody"
        raise RecordError("too_short", message, hint=f"at least {MIN_DURATION_S} s are needed")
    found = tracks.follow(samples, rate_hz)
    times: Array = (np.arange(int(seconds / STEP_S + 1e-6), dtype=np.float64) + 0.5) * STEP_S
    voiced = _voiced(times, found)
    values = {"voiced": voiced.astype(np.float64)}
    values["f0_st"] = _drawn(times, found.times[found.voiced], _semitones(found), "f0_st")
    values["f0_slope_st_per_s"] = slopes(values["f0_st"]) * voiced
    loud = np.maximum(found.intensity_db, FAINTEST_DB)
    known = np.interp(times, found.loud_times, loud) if len(loud) else np.zeros(len(times))
    values |= {"intensity_db": known, "intensity_slope_db_per_s": slopes(known)}
    values["hnr_db"] = _drawn(times, found.hnr_times, found.hnr_db, "hnr_db")
    for place, name in enumerate(("f1_hz", "f2_hz", "f3_hz"), 1):
        values[name] = _drawn(times, found.formants_hz[:, 0], found.formants_hz[:, place], name)
    return Contours(times, values | _spectral(samples, rate_hz, times, values), found)


def slopes(values: Array) -> Array:
    """Return the slope per second (frames,) of the line through each frame and two either side.

    >>> slopes(np.arange(6.0))[2:4].round(6).tolist()
    [100.0, 100.0]
    """
    steps = np.arange(-DELTA_FRAMES, DELTA_FRAMES + 1)
    padded = np.pad(values, DELTA_FRAMES, mode="edge")
    found: Array = np.correlate(padded, steps, "valid") / (steps @ steps) / STEP_S
    return found


def _voiced(times: Array, found: Tracks) -> Mask:
    if not len(found.times):
        return np.zeros(len(times), bool)
    mask: Mask = np.interp(times, found.times, found.voiced, left=0, right=0) > 0.5
    return mask


def _semitones(found: Tracks) -> Array:
    semitones: Array = 12 * np.log2(found.f0_hz[found.voiced] / REFERENCE_HZ)
    return semitones


def _drawn(times: Array, where: Array, values: Array, name: str) -> Array:
    """Return values (frames,) at `times`, straight between what is known; else the stand-in."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(times), STAND_INS[name])
    drawn: Array = np.interp(times, where[known], values[known])
    return drawn


def _spectral(
    samples: Samples, rate_hz: float, times: Array, values: dict[str, Array]
) -> dict[str, Array]:
    """Return what comes from spectra, a block of frames at a time."""
    f0_hz = REFERENCE_HZ * 2 ** (values["f0_st"] / 12)
    rows, harmonics = [], []
    for start in range(0, len(times), BLOCK):
        before = min(start, 1)  # flux wants the frame before
        block = slice(start - before, start + BLOCK)
        spectra = spectral_frames.power(samples, rate_hz, times[block])
        rows.append(spectral_frames.shape(spectra, rate_hz)[before:])
        place = (f0_hz[block], values["f3_hz"][block])
        found = spectral_frames.harmonic_differences(spectra, rate_hz, *place)
        harmonics.append(found[before:])
    shape, differences = np.concatenate(rows), np.concatenate(harmonics)
    voiced = values["voiced"] > 0
    names = ("h1_h2_db", "h1_a3_db")
    drawn = {
        name: _drawn(times, times[voiced], differences[voiced, i], name)
        for i, name in enumerate(names)
    }
    return dict(zip(spectral_frames.COLUMNS, shape.T, strict=True)) | drawn
