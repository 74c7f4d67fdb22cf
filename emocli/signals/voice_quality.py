"""Measure voice quality: regularity, noise and brightness, through Praat.

Jitter and shimmer: Praat manual, "Voice 2" and "Voice 3",
https://www.fon.hum.uva.nl/praat/manual/Voice_2__Jitter.html. Harmonicity: Boersma 1993,
https://www.fon.hum.uva.nl/paul/papers/Proceedings_1993.pdf.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import parselmouth
from parselmouth.praat import call

from emocli.signals.wanted_spans import wanted_spans

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Praat's own defaults for jitter and shimmer (its manual, "Voice 2" and "Voice 3").
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 0.0001, 0.02
MOST_PERIOD_FACTOR, MOST_AMPLITUDE_FACTOR = 1.3, 1.6

# Bands of the alpha ratio in eGeMAPS (Eyben et al. 2016, https://doi.org/10.1109/TAFFC.2015.2457417).
LOW_BAND_HZ, HIGH_BAND_HZ = (50.0, 1000.0), (1000.0, 5000.0)
SPECTRUM_S = 0.032
MIN_BANDS = 3  # of a line: a pitch below 880 Hz has them below 5 kHz

HARMONICITY_STEP_S = 0.02  # a slow analysis
PERIODS_AROUND = 1.5  # of the floor: a frame of one period, and the next one to compare it with
MIN_PERIODS = 2.1
NOTHING_IS_SILENT = 0.0  # voicing is decided by the pitch, over the recording
PRAAT_UNDEFINED_DB = -199.0  # Praat writes -200 if nothing is periodic


def perturbation(
    sound: parselmouth.Sound, pitch: parselmouth.Pitch, span: tuple[float, float]
) -> tuple[float, float]:
    """Return local jitter (a ratio) and local shimmer (dB) in a span, NaN with too few periods.

    Jitter is mean |T[i] - T[i-1]| / mean T over neighbouring periods T; shimmer is
    mean |20 log10(A[i] / A[i-1])| over their peak amplitudes A (Praat manual, "Voice").
    """
    pulses = call([sound, pitch], "To PointProcess (cc)")
    periods = (*span, SHORTEST_PERIOD_S, LONGEST_PERIOD_S, MOST_PERIOD_FACTOR)
    jitter = call(pulses, "Get jitter (local)", *periods)
    shimmer = call([sound, pulses], "Get shimmer (local_dB)", *periods, MOST_AMPLITUDE_FACTOR)
    return jitter, shimmer


def harmonicity(sound: parselmouth.Sound, floor_hz: float, times: Array, voiced: Mask) -> Array:
    """Return times and harmonics-to-noise ratios in dB (2, frames) where `voiced` (times,) is true.

    10 log10(r / (1 - r)), r the cross-correlation at the period (Boersma 1993, eq. 4; Praat,
    "To Harmonicity (cc)"). The autocorrelation of the pitch would be free, but is 5 dB off above
    20 dB.
    """
    values = [
        _harmonicity(sound, floor_hz, max(start, 0.0), end)
        for start, end in wanted_spans(times, voiced, PERIODS_AROUND / floor_hz)
    ]
    rows = np.concatenate(values, axis=1) if values else np.zeros((2, 0))
    is_voiced: Mask = np.interp(rows[0], times, voiced) > 0.5
    return np.array(rows[:, is_voiced & (rows[1] > PRAAT_UNDEFINED_DB)])


def _harmonicity(sound: parselmouth.Sound, floor_hz: float, start: float, end: float) -> Array:
    """Return times and ratios (2, frames) of one span; none if it is too short for Praat."""
    part = sound.extract_part(start, end, preserve_times=True)
    if part.duration < MIN_PERIODS / floor_hz:
        return np.zeros((2, 0))
    praat = part.to_harmonicity_cc(HARMONICITY_STEP_S, floor_hz, NOTHING_IS_SILENT)
    return np.stack([praat.xs(), praat.values[0]])


def spectrum(sound: parselmouth.Sound, voiced_times: Array) -> Array:
    """Return the power spectrum (bins,) summed over 32 ms frames centred on voiced times."""
    rate = sound.sampling_frequency
    width = round(SPECTRUM_S * rate)
    starts = np.rint(voiced_times * rate).astype(int) - width // 2
    starts = starts[(starts >= 0) & (starts + width <= sound.n_samples)]
    if not len(starts):
        return np.zeros(width // 2 + 1)
    frames = sound.values[0][starts[:, None] + np.arange(width)] * np.hanning(width)
    power: Array = (np.abs(np.fft.rfft(frames)) ** 2).sum(axis=0)
    return power


def tilt_db_per_octave(spectrum: Array, sample_rate_hz: float, f0_hz: float | None) -> float | None:
    """Return the slope of a power spectrum (bins,), None if it is empty.

    The slope of the least-squares line through the level (dB, mean power of the bins) of octave
    bands over their number; the bands are centred on the pitch and its octaves, so that each
    holds harmonics, and end below 5 kHz. A glottal source falls by 12 dB per octave, a pressed
    voice by less (Childers & Lee 1991, https://doi.org/10.1121/1.402044).
    """
    hertz = np.linspace(0, sample_rate_hz / 2, len(spectrum))
    levels: list[float] = []
    if f0_hz is None:
        return None
    low = f0_hz / math.sqrt(2)
    while 2 * low <= min(HIGH_BAND_HZ[1], sample_rate_hz / 2):
        band = spectrum[(hertz >= low) & (hertz < 2 * low)]
        levels.append(float(band.mean()) if len(band) else 0.0)
        low *= 2
    if len(levels) < MIN_BANDS or min(levels) <= 0:
        return None
    return float(np.polyfit(np.arange(len(levels)), 10 * np.log10(levels), 1)[0])


def alpha_ratio_db(spectrum: Array, sample_rate_hz: float) -> float | None:
    """Return the brightness of a power spectrum (bins,), None if it is empty.

    10 log10 of the energy in 1-5 kHz over that in 50-1000 Hz: a pressed, aroused voice is higher.
    (Eyben et al. 2016 invert the fraction: the same figure with the opposite sign.)
    """
    hertz = np.linspace(0, sample_rate_hz / 2, len(spectrum))
    low, high = (
        float(spectrum[(hertz >= first) & (hertz < last)].sum())
        for first, last in (LOW_BAND_HZ, HIGH_BAND_HZ)
    )
    return 10 * math.log10(high / low) if low > 0 and high > 0 else None
