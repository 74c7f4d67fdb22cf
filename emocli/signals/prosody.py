"""Measure how something is said: pitch, loudness, rhythm and voice quality, through Praat.

Pitch and pulses are Praat's (P. Boersma, "Accurate short-term analysis of the fundamental
frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993,
https://www.fon.hum.uva.nl/paul/papers/Proceedings_1993.pdf), called through Parselmouth
(Jadoul, Thompson & de Boer 2018, https://doi.org/10.1016/j.wocn.2018.07.001).

Undefined is None. Long recordings are analysed in windows and the frames pooled: memory stays
flat. Praat is not thread-safe: use processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import parselmouth

from emocli.errors import RecordError
from emocli.signals import speech_rate, voice_quality

Array = npt.NDArray[np.float64]
Measures = dict[str, float | int | str | None]

MIN_DURATION_S = 0.1  # Praat needs 3 periods at 50 Hz for pitch, 6.4 / 100 Hz for intensity
WINDOW_S = 60.0  # analysed at a time; an edge costs 0.1 s of frames
STEP_S = 0.01  # between frames; our choice, the usual one

# The first look for pitch: bass to a scream. Then the speaker's own range, which halves octave
# errors: 0.75 q25 to 2.5 q75, wide above because emotion is (De Looze & Hirst 2008,
# https://www.isca-archive.org/speechprosody_2008/looze08_speechprosody.html; Hirst 2011 for 2.5).
FIRST_FLOOR_HZ, FIRST_CEILING_HZ = 60.0, 700.0
FLOOR_OF_Q25, CEILING_OF_Q75 = 0.75, 2.5
LOWEST_FLOOR_HZ, HIGHEST_CEILING_HZ = 50.0, 800.0

INTENSITY_FLOOR_HZ = 50.0  # smooths over 64 ms: syllables stay, periods go (de Jong & Wempe 2009)
MIN_VOICED_FRAMES = 3  # a slope through fewer points says nothing


class _Part(NamedTuple):
    """What one window gives."""

    times: Array  # (frames,) seconds from the start of the recording
    f0_hz: Array  # 0 where unvoiced
    hnr_db: Array  # harmonicity of the voiced frames, on its own grid
    loud_times: Array
    intensity_db: Array
    jitter: float
    shimmer_db: float
    spectrum: Array  # (bins,) summed power of the voiced frames


def describe(samples: npt.NDArray[np.floating], sample_rate_hz: int = 16_000) -> Measures:
    """Return the prosody of samples (time,), units in the names; see each part for formulas.

    Raises RecordError too_short below 0.1 s.
    """
    seconds = len(samples) / sample_rate_hz
    if seconds < MIN_DURATION_S:
        message = f"{seconds:g} s of audio is too short for prosody"
        raise RecordError("too_short", message, hint=f"at least {MIN_DURATION_S} s are needed")
    floor_hz, ceiling_hz = pitch_range(samples, sample_rate_hz)
    windows = _windows(samples, sample_rate_hz)
    parts = [_analyse(*window, floor_hz, ceiling_hz) for window in windows]
    times, f0_hz, hnr_db, loud_times, intensity_db = (
        np.concatenate([part[i] for part in parts]) for i in range(5)
    )
    voiced = f0_hz > 0
    rhythm = speech_rate.rhythm(loud_times, intensity_db, times, voiced, seconds)
    found: Measures = {
        "duration": seconds,
        **_pitch(times[voiced], f0_hz[voiced]),
        "voiced_fraction": float(voiced.mean()) if len(voiced) else 0.0,
        **_intensity(intensity_db),
        **rhythm,
        **_quality(parts, hnr_db),
        "alpha_ratio_db": voice_quality.alpha_ratio_db(
            np.sum([part.spectrum for part in parts], axis=0), sample_rate_hz
        ),
        "pitch_floor_hz": floor_hz,
        "pitch_ceiling_hz": ceiling_hz,
        "praat": parselmouth.PRAAT_VERSION,
        "parselmouth": parselmouth.VERSION,
    }
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: float | int | str | None) -> float | int | str | None:
    """Return a value for JSON: four digits after the point, None for what is not finite."""
    if not isinstance(value, float):
        return value
    return round(float(value), 4) if math.isfinite(value) else None


def pitch_range(
    samples: npt.NDArray[np.floating], sample_rate_hz: int = 16_000
) -> tuple[float, float]:
    """Return the floor and the ceiling in Hz between which to look for this speaker's pitch.

    0.75 times the first and 2.5 times the third quartile of a first, wide look (De Looze & Hirst
    2008); the wide range itself where nothing is voiced.
    """
    found = [
        _f0(sound.to_pitch_ac(STEP_S, FIRST_FLOOR_HZ, pitch_ceiling=FIRST_CEILING_HZ))
        for sound, _ in _windows(samples, sample_rate_hz)
    ]
    f0_hz = np.concatenate(found)
    f0_hz = f0_hz[f0_hz > 0]
    if len(f0_hz) < MIN_VOICED_FRAMES:
        return FIRST_FLOOR_HZ, FIRST_CEILING_HZ
    q25, q75 = map(float, np.quantile(f0_hz, (0.25, 0.75)))
    return max(FLOOR_OF_Q25 * q25, LOWEST_FLOOR_HZ), min(CEILING_OF_Q75 * q75, HIGHEST_CEILING_HZ)


def _f0(pitch: parselmouth.Pitch) -> Array:
    """Return the frequencies (frames,), 0 where unvoiced, without holding on to the candidates."""
    values: Array = pitch.selected_array["frequency"].copy()
    return values


def _windows(
    samples: npt.NDArray[np.floating], sample_rate_hz: int
) -> Iterator[tuple[parselmouth.Sound, float]]:
    """Yield windows of equal length, at most 60 s, and where each starts in seconds."""
    count = math.ceil(len(samples) / (WINDOW_S * sample_rate_hz))
    edges = np.linspace(0, len(samples), count + 1).astype(int)
    for first, last in pairwise(edges):
        values = samples[first:last].astype(np.float64)
        yield parselmouth.Sound(values, sample_rate_hz), first / sample_rate_hz


def _analyse(
    sound: parselmouth.Sound, offset_s: float, floor_hz: float, ceiling_hz: float
) -> _Part:
    """Run every analysis once on a window."""
    pitch = sound.to_pitch_ac(STEP_S, floor_hz, pitch_ceiling=ceiling_hz)
    f0_hz = _f0(pitch)
    intensity_floor_hz = max(INTENSITY_FLOOR_HZ, 6.5 / sound.duration)  # Praat's window is 6.4 / it
    intensity = sound.to_intensity(intensity_floor_hz, STEP_S)
    voiced_times = pitch.xs()[f0_hz > 0]
    jitter, shimmer_db = voice_quality.perturbation(sound, pitch)
    return _Part(
        pitch.xs() + offset_s,
        f0_hz,
        voice_quality.harmonicity(sound, floor_hz, pitch.xs(), f0_hz > 0),
        intensity.xs() + offset_s,
        intensity.values[0],
        jitter,
        shimmer_db,
        voice_quality.spectrum(sound, voiced_times),
    )


def _pitch(times: Array, f0_hz: Array) -> dict[str, float | None]:
    """Return level, spread and trend of the pitch over voiced frames.

    Semitones are 12 log2(f0 / median). The range is q95 - q05, which an octave error does not
    move; the slope is the least-squares line through all voiced frames.
    """
    names = ("f0_mean_hz", "f0_median_hz", "f0_sd_st", "f0_range_st", "f0_slope_st_per_s")
    if len(f0_hz) < MIN_VOICED_FRAMES:
        return dict.fromkeys(names)
    median = float(np.median(f0_hz))
    semitones = 12 * np.log2(f0_hz / median)
    low, high = np.quantile(semitones, (0.05, 0.95))
    slope = np.polyfit(times - times.mean(), semitones, 1)[0]
    values = (f0_hz.mean(), median, semitones.std(), high - low, slope)
    return dict(zip(names, map(float, values), strict=True))


def _intensity(intensity_db: Array) -> dict[str, float | None]:
    """Return level, spread and range of the intensity where there is sound.

    Intensity is Praat's: dB above 2e-5, a full-scale sine is 91 dB. The mean is of the energy,
    the range q95 - q05. Where there is sound: see `speech_rate.sounding`.
    """
    heard = intensity_db[speech_rate.sounding(intensity_db)]
    names = ("intensity_mean_db", "intensity_sd_db", "intensity_range_db")
    if not len(heard):
        return dict.fromkeys(names)
    mean = 10 * math.log10(np.mean(10 ** (heard / 10)))
    low, high = np.quantile(heard, (0.05, 0.95))
    return dict(zip(names, (mean, float(heard.std()), float(high - low)), strict=True))


def _quality(parts: list[_Part], hnr_db: Array) -> dict[str, float | None]:
    """Return jitter and shimmer, windows weighing as their voiced frames do, and harmonicity."""
    weights = np.array([np.count_nonzero(part.f0_hz) for part in parts])
    return {
        "jitter_local": _weighted([part.jitter for part in parts], weights),
        "shimmer_local_db": _weighted([part.shimmer_db for part in parts], weights),
        "hnr_db": float(hnr_db.mean()) if len(hnr_db) else None,
    }


def _weighted(values: list[float], weights: npt.NDArray[np.int_]) -> float | None:
    array = np.array(values)
    known = np.isfinite(array) & (weights > 0)
    return float(np.average(array[known], weights=weights[known])) if known.any() else None
