"""Measure a clip over time for plots: spectrogram, pitch and intensity, through Praat.

These are the frames that `prosody` summarises, measured in the same way. Undefined is NaN.
Praat is not thread-safe: use processes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import parselmouth

from emocli.signals.tracks import INTENSITY_FLOOR_HZ, LOUD_STEP_S, PITCH_STEP_S

Array = npt.NDArray[np.float64]
Samples = npt.NDArray[np.floating]

# Praat's own defaults: a broad band, which shows formants and single periods of the voice.
WINDOW_S = 0.005  # effective; the Gaussian is twice as long in total
HIGHEST_HZ = 5000.0
FRAME_S, BIN_HZ = 0.002, 20.0
PRE_EMPHASIS_DB_PER_OCTAVE = 6.0  # a gain above 1 kHz, a loss below
SILENCE_DB = -100.0  # Praat writes -300 for zeros; -100 is far below 2e-5


class Contours(NamedTuple):
    """Pitch and intensity of a clip; times in seconds from its start."""

    times: Array  # (frames,)
    f0_hz: Array  # (frames,) NaN where unvoiced
    loud_times: Array  # (loud frames,)
    intensity_db: Array  # (loud frames,) above 2e-5, NaN in digital silence


class Spectrogram(NamedTuple):
    """Power of a clip over time and frequency."""

    level_db: Array  # (bins, columns) below the maximum, which is 0; all -inf for silence
    start: float  # of the first column's left edge, seconds
    end: float
    highest_hz: float  # of the last bin's upper edge; the first one's lower edge is 0


def follow(
    samples: Samples, floor_hz: float, ceiling_hz: float, sample_rate_hz: int = 16_000
) -> Contours:
    """Return pitch and intensity of samples (time,), at least 0.1 s, as `prosody` measures them.

    The pitch lies between floor and ceiling.
    """
    sound = parselmouth.Sound(np.asarray(samples, np.float64), sample_rate_hz)
    pitch = sound.to_pitch_ac(PITCH_STEP_S, floor_hz, pitch_ceiling=ceiling_hz)
    f0_hz = pitch.selected_array["frequency"].copy()
    f0_hz[f0_hz == 0] = np.nan
    intensity = sound.to_intensity(max(INTENSITY_FLOOR_HZ, 6.5 / sound.duration), LOUD_STEP_S)
    level_db = intensity.values[0].copy()
    level_db[level_db < SILENCE_DB] = np.nan
    return Contours(pitch.xs(), f0_hz, intensity.xs(), level_db)


def spectrogram(samples: Samples, sample_rate_hz: int = 16_000) -> Spectrogram:
    """Return the spectrogram of samples (time,), at least 0.1 s, from 0 to 5 kHz.

    Praat's, with a Gaussian window of 5 ms, and raised by 6 dB per octave.
    """
    sound = parselmouth.Sound(np.asarray(samples, np.float64), sample_rate_hz)
    shape = parselmouth.SpectralAnalysisWindowShape.GAUSSIAN
    praat = sound.to_spectrogram(WINDOW_S, HIGHEST_HZ, FRAME_S, BIN_HZ, shape)
    times, hertz, power = praat.xs(), praat.ys(), praat.values
    half_s = (times[1] - times[0]) / 2
    # The first bin is around 0 Hz: it gets the emphasis of its upper edge.
    octaves = np.log2(np.maximum(hertz, hertz[1] / 2) / 1000.0)
    with np.errstate(divide="ignore"):
        level_db = 10 * np.log10(power) + PRE_EMPHASIS_DB_PER_OCTAVE * octaves[:, None]
    top = float(level_db.max())
    return Spectrogram(
        level_db - top if np.isfinite(top) else level_db,
        float(times[0] - half_s),
        float(times[-1] + half_s),
        float(hertz[-1] + (hertz[1] - hertz[0]) / 2),
    )


def envelope(samples: Samples, columns: int) -> tuple[Array, Array]:
    """Return the lowest and the highest sample in each of at most `columns` equal parts."""
    edges = np.linspace(0, len(samples), min(columns, len(samples)) + 1).astype(int)[:-1]
    values = np.asarray(samples, np.float64)
    return np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
