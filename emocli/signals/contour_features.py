"""Measure the acoustics of speech frame by frame, as features for a model.

Low-level descriptors in the manner of eGeMAPS (Eyben et al. 2016,
https://doi.org/10.1109/TAFFC.2015.2457417): pitch, intensity, harmonicity and formants through
Praat (`tracks`), the rest from spectra (`spectral_frames`), every 10 ms. Our choices beyond that:
values that need a voice are interpolated linearly across unvoiced frames and held at the ends, and
`voiced` marks the measured frames; nothing is smoothed.
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
VERSION = 1  # of the columns and of the functionals; goes up when the meaning of one changes

# Values of a recording without any voice: a pitch between low and high voices; no noise and
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
    """The contours of a recording, every 10 ms, by the names in `COLUMNS`."""

    times: Array  # (frames,) the middle of each, seconds from the start
    values: dict[str, Array]  # (frames,) each, always finite
    tracks: Tracks  # as Praat measured them

    @property
    def voiced(self) -> Mask:
        """Say which frames have a pitch."""
        mask: Mask = self.values["voiced"] > 0
        return mask


def frames(samples: Samples, rate_hz: float = 16_000) -> npt.NDArray[np.float32]:
    """Return `COLUMNS` (frames, 28) of samples (time,), 100 frames a second, always finite.

    f0_st: semitones above 27.5 Hz. voiced: 1 or 0. Slopes: least-squares lines over 50 ms; that
    of the pitch is 0 without a voice. intensity_db: Praat's, above 2e-5; at least 0. h1_h2_db and
    h1_a3_db: `spectral_frames.harmonic_differences`. The others: `spectral_frames.shape`. Raises
    RecordError too_short below 0.1 s.
    """
    values = follow(samples, rate_hz).values
    return np.column_stack([values[name] for name in COLUMNS]).astype(np.float32)


def follow(samples: Samples, rate_hz: float = 16_000) -> Contours:
    """Return the contours of samples (time,); RecordError too_short below 0.1 s."""
    seconds = len(samples) / rate_hz
    if seconds < MIN_DURATION_S:
        message = f"{seconds:g} s of audio is too short for prosody"
        raise RecordError("too_short", message, hint=f"at least {MIN_DURATION_S} s are needed")
    praat = tracks.follow(samples, rate_hz)
    times: Array = (np.arange(int(seconds / STEP_S + 1e-6), dtype=np.float64) + 0.5) * STEP_S
    voiced = _voiced(times, praat)
    values = {"voiced": voiced.astype(np.float64)}
    values["f0_st"] = _interpolated(times, praat.times[praat.voiced], _semitones(praat), "f0_st")
    values["f0_slope_st_per_s"] = slopes(values["f0_st"]) * voiced
    loud = np.maximum(praat.intensity_db, FAINTEST_DB)
    known = np.interp(times, praat.loud_times, loud) if len(loud) else np.zeros(len(times))
    values |= {"intensity_db": known, "intensity_slope_db_per_s": slopes(known)}
    values["hnr_db"] = _interpolated(times, praat.hnr_times, praat.hnr_db, "hnr_db")
    for place, name in enumerate(("f1_hz", "f2_hz", "f3_hz"), 1):
        values[name] = _interpolated(
            times, praat.formants_hz[:, 0], praat.formants_hz[:, place], name
        )
    return Contours(times, values | _spectral(samples, rate_hz, times, values), praat)


def slopes(values: Array) -> Array:
    """Return the slope per second (frames,) of the line through each frame and two on either side.

    >>> slopes(np.arange(6.0))[2:4].round(6).tolist()
    [100.0, 100.0]
    """
    steps = np.arange(-DELTA_FRAMES, DELTA_FRAMES + 1)
    padded = np.pad(values, DELTA_FRAMES, mode="edge")
    per_second: Array = np.correlate(padded, steps, "valid") / (steps @ steps) / STEP_S
    return per_second


def _voiced(times: Array, praat: Tracks) -> Mask:
    if not len(praat.times):
        return np.zeros(len(times), bool)
    mask: Mask = np.interp(times, praat.times, praat.voiced, left=0, right=0) > 0.5
    return mask


def _semitones(praat: Tracks) -> Array:
    semitones: Array = 12 * np.log2(praat.f0_hz[praat.voiced] / REFERENCE_HZ)
    return semitones


def _interpolated(times: Array, where: Array, values: Array, name: str) -> Array:
    """Return values (frames,) at `times`, linear between known ones; else the stand-in."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(times), STAND_INS[name])
    drawn: Array = np.interp(times, where[known], values[known])
    return drawn


def _spectral(
    samples: Samples, rate_hz: float, times: Array, values: dict[str, Array]
) -> dict[str, Array]:
    """Return the contours from spectra, computed in blocks of frames."""
    f0_hz = REFERENCE_HZ * 2 ** (values["f0_st"] / 12)
    rows, harmonics = [], []
    for start in range(0, len(times), BLOCK):
        before = min(start, 1)  # flux needs the frame before
        block = slice(start - before, start + BLOCK)
        spectra = spectral_frames.power(samples, rate_hz, times[block])
        rows.append(spectral_frames.shape(spectra, rate_hz)[before:])
        place = (f0_hz[block], values["f3_hz"][block])
        levels = spectral_frames.harmonic_differences(spectra, rate_hz, *place)
        harmonics.append(levels[before:])
    shape, differences = np.concatenate(rows), np.concatenate(harmonics)
    voiced = values["voiced"] > 0
    names = ("h1_h2_db", "h1_a3_db")
    drawn = {
        name: _interpolated(times, times[voiced], differences[voiced, i], name)
        for i, name in enumerate(names)
    }
    return dict(zip(spectral_frames.COLUMNS, shape.T, strict=True)) | drawn
