"""Measure every vowel: pitch and its movement, loudness, duration and formants.

The six descriptors of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270: level,
slope and variation of pitch, level and variation of intensity, duration), which names no
settings: they are our choice. Praat's frames come from `tracks`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emocli.signals.pitch import MIN_VOICED_FRAMES
from emocli.signals.tracks import Array, Samples, Span, Tracks

MIN_VOICED_S = 0.03  # a shorter vowel has no pitch of its own: our choice
REFERENCE_PRESSURE = 2e-5  # Praat's 0 dB, as a sample value

# A Hann window of two periods removes the ripple of the period: its spectrum is zero at the pitch
# and all its harmonics. Without a pitch: two periods of 100 Hz.
PERIODS_PER_LEVEL, LEVEL_WITHOUT_PITCH_S = 2.0, 0.02
LEVEL_STEP_S = 0.005
MIN_LEVELS = 3

# Formants are read where coarticulation is least: the middle half (our choice).
MIDDLE = (0.25, 0.75)

PITCH = ("f0_mean_hz", "f0_slope_st_per_s", "f0_sd_st", "f0_range_st")
LOUDNESS = ("intensity_mean_db", "intensity_sd_db")
FORMANTS = ("f1_hz", "f2_hz", "f3_hz")

Measures = dict[str, float | None]


def measure(
    samples: Samples, rate_hz: float, tracks: Tracks, spans: Sequence[Span]
) -> list[Measures]:
    """Return duration, pitch, loudness and formants of each span; units are in the names."""
    measures = []
    for start, end in spans:
        pitch = _pitch(tracks, start, end)
        loudness = _loudness(samples, rate_hz, (start, end), pitch["f0_mean_hz"])
        formants = _formants(tracks, start, end)
        measures.append({"duration": end - start, **pitch, **loudness, **formants})
    return measures


def _pitch(tracks: Tracks, start: float, end: float) -> Measures:
    """Return level, trend and spread of the pitch; None below 30 ms or three voiced frames.

    Semitones are 12 log2(f0 / mean); the slope is the least-squares line over the voiced frames
    at their effective times (`Tracks.centres`), the SD is about the mean and not about
    that line, the range is the highest less the lowest frame.
    """
    first, last = np.searchsorted(tracks.times, (start, end))
    f0_hz, times = tracks.f0_hz[first:last], tracks.centres[first:last]
    times, f0_hz = times[f0_hz > 0], f0_hz[f0_hz > 0]
    if end - start < MIN_VOICED_S or len(f0_hz) < MIN_VOICED_FRAMES:
        return dict.fromkeys(PITCH)
    mean = float(f0_hz.mean())
    semitones = 12 * np.log2(f0_hz / mean)
    values = (mean, slope(times, semitones), float(semitones.std()), float(np.ptp(semitones)))
    return dict(zip(PITCH, values, strict=True))


def slope(times: Array, values: Array) -> float:
    """Return the slope of the least-squares line; NaN if all times are equal.

    >>> slope(np.array([0.0, 0.25, 0.5]), np.array([1.0, 2.0, 3.0]))
    4.0
    """
    about = times - times.mean()
    square = float(about @ about)
    return float(about @ (values - values.mean())) / square if square > 0 else math.nan


def _loudness(samples: Samples, rate_hz: float, span: Span, f0_hz: float | None) -> Measures:
    """Return the level of a vowel and the spread of the levels within it.

    The mean is Praat's "Get intensity": 10 log10 of the mean square over (2e-5)^2. The spread is
    the SD in dB of the mean square under Hann windows of two periods, every 5 ms, that lie
    within the vowel; None with fewer than three.
    """
    first, last = (max(round(second * rate_hz), 0) for second in span)
    squares = np.square(samples[first:last], dtype=np.float64) / REFERENCE_PRESSURE**2
    mean = 10 * math.log10(squares.mean()) if squares.any() else None
    width = round((PERIODS_PER_LEVEL / f0_hz if f0_hz else LEVEL_WITHOUT_PITCH_S) * rate_hz)
    if mean is None or len(squares) < width:
        return dict(zip(LOUDNESS, (mean, None), strict=True))
    frames = np.lib.stride_tricks.sliding_window_view(squares, width)
    powers = frames[:: round(LEVEL_STEP_S * rate_hz)] @ np.hanning(width)
    known = powers[powers > 0]
    spread = float(np.std(10 * np.log10(known))) if len(known) >= MIN_LEVELS else None
    return dict(zip(LOUDNESS, (mean, spread), strict=True))


def _formants(tracks: Tracks, start: float, end: float) -> Measures:
    """Return the medians of F1 to F3 in Hz over the middle half of the vowel."""
    low, high = (start + share * (end - start) for share in MIDDLE)
    times = tracks.formants_hz[:, 0]
    rows = tracks.formants_hz[np.searchsorted(times, low) : np.searchsorted(times, high), 1:]
    return {name: median(rows[:, i]) for i, name in enumerate(FORMANTS)}


def median(values: npt.NDArray[np.floating]) -> float | None:
    """Return the median of the finite values, None if there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
