"""Follow the formants F1 to F3 in voiced frames, through Praat's Burg method.

Praat manual, "Sound: To Formant (burg)...", https://www.fon.hum.uva.nl/praat/manual/; the method
is Burg's linear prediction (Childers 1978, "Modern spectrum analysis"): ten poles up to the
ceiling, five formants. It is the slowest part of Praat, so it runs over requested frames only.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import parselmouth
import soxr

from emocli.signals.wanted_spans import wanted_spans

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

COUNT = 3  # kept of the five
POLE_PAIRS = 5.0  # formants below the ceiling, Praat's default
STEP_S = 0.01  # only means and medians are kept
WINDOW_S = 0.025  # Praat's default; the real window is twice as long
SPARE = 2  # samples: Praat must not lose the last frame to rounding
MARGIN_S = WINDOW_S + 2 * STEP_S  # so that the first and the last frame requested are included

# A vocal tract of 17.5 cm has a formant per 1000 Hz, one of 15.9 cm a formant per 1100 Hz: Praat's
# advice for men and women. The pitch decides: the limit is half way between their typical medians
# of 120 and 210 Hz, in semitones (Traunmueller & Eriksson 1994).
LOW_VOICE_CEILING_HZ, HIGH_VOICE_CEILING_HZ = 5000.0, 5500.0
HIGH_VOICE_HZ = 160.0


def ceiling_hz(f0_median_hz: float | None) -> float:
    """Return the frequency below which a voice of that pitch has five formants."""
    high = f0_median_hz is None or f0_median_hz >= HIGH_VOICE_HZ
    return HIGH_VOICE_CEILING_HZ if high else LOW_VOICE_CEILING_HZ


def track(samples: Array, rate_hz: float, times: Array, mask: Mask, top_hz: float) -> Array:
    """Return rows of time in s, F1, F2, F3 in Hz (frames, 4) where `mask` (times,) is true.

    NaN stands for a formant that is not found. Samples (time,) are brought to twice the ceiling
    first, once (in Praat that would take longer than the formants).
    """
    spans = wanted_spans(times, mask, MARGIN_S)
    if not spans:
        return np.zeros((0, 1 + COUNT))
    rate = 2 * top_hz
    slow = soxr.resample(samples, rate_hz, rate)
    rows = [_burg(slow, rate, start, end) for start, end in spans]
    frames = np.concatenate(rows) if rows else np.zeros((0, 1 + COUNT))
    inside: Mask = np.interp(frames[:, 0], times, mask) > 0.5
    return frames[inside]


def _burg(samples: Array, rate_hz: float, start: float, end: float) -> Array:
    """Return the frames (frames, 4) of one span; none where it is shorter than a window.

    Spans begin on one grid of steps and hold a whole number of them, so that a frame does not
    depend on the span that it lies in.
    """
    step, window = round(STEP_S * rate_hz), round(2 * WINDOW_S * rate_hz)
    first = max(math.floor(start * rate_hz / step), 0) * step
    last = min(round(end * rate_hz), len(samples))
    if last - first < window + SPARE:
        return np.zeros((0, 1 + COUNT))
    last -= (last - first - window - SPARE) % step
    praat = parselmouth.Sound(samples[first:last], rate_hz).to_formant_burg(
        STEP_S, POLE_PAIRS, rate_hz / 2, WINDOW_S
    )
    times = praat.xs()
    value = praat.get_value_at_time
    values = [[value(number, time) for number in range(1, COUNT + 1)] for time in times]
    return np.column_stack([times + first / rate_hz, np.array(values)])
