"""Measure the prosody of speech: pitch, loudness, rhythm and voice quality, through Praat.

The frames come from `tracks`, which names its sources; here they are summarised for an utterance
and for its vowels (`vowels`). Undefined is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import parselmouth

from emocli.errors import RecordError
from emocli.signals import speech_rate, tracks, voice_quality, vowels
from emocli.signals.pitch import MIN_VOICED_FRAMES
from emocli.signals.tracks import INTENSITY_FLOOR_HZ as INTENSITY_FLOOR_HZ
from emocli.signals.tracks import Array, Samples, Span, Tracks

Measures = dict[str, float | int | str | None]

MIN_DURATION_S = 0.1  # Praat needs 3 periods at 50 Hz for pitch, 6.4 / 100 Hz for intensity
STEP_S = tracks.LOUD_STEP_S
FORMANTS = ("f1_mean_hz", "f2_mean_hz", "f3_mean_hz")


def describe(samples: Samples, sample_rate_hz: int = 16_000) -> Measures:
    """Return the prosody of samples (time,), units in the names; see each part for formulas.

    Raises RecordError too_short below 0.1 s.
    """
    return measure(samples, sample_rate_hz)[0]


def measure(
    samples: Samples, sample_rate_hz: int = 16_000, spans: Sequence[Span] = ()
) -> tuple[Measures, list[Measures]]:
    """Return the prosody of samples (time,), and of each vowel's span in seconds.

    Raises RecordError too_short below 0.1 s.
    """
    seconds = len(samples) / sample_rate_hz
    if seconds < MIN_DURATION_S:
        message = f"{seconds:g} s of audio is too short for prosody"
        raise RecordError("too_short", message, hint=f"at least {MIN_DURATION_S} s are needed")
    praat = tracks.follow(samples, sample_rate_hz, spans)
    utterance = _utterance(praat, sample_rate_hz, seconds, len(spans))
    parts = vowels.measure(samples, sample_rate_hz, praat, spans)
    return _rounded(utterance), [_rounded({**part}) for part in parts]


def _utterance(praat: Tracks, sample_rate_hz: float, seconds: float, vowel_count: int) -> Measures:
    voiced = praat.voiced
    pitch = _pitch(praat.centres[voiced], praat.f0_hz[voiced])
    rhythm = speech_rate.rhythm(praat.loud_times, praat.intensity_db, praat.times, voiced, seconds)
    return {
        "duration": seconds,
        **pitch,
        "voiced_fraction": float(voiced.mean()) if len(voiced) else 0.0,
        **_intensity(praat.intensity_db),
        **rhythm,
        **_vowel_rate(praat, vowel_count),
        "jitter_local": praat.jitter,
        "shimmer_local_db": praat.shimmer_db,
        "hnr_db": float(praat.hnr_db.mean()) if len(praat.hnr_db) else None,
        "alpha_ratio_db": voice_quality.alpha_ratio_db(praat.spectrum, sample_rate_hz),
        "spectral_tilt_db_per_octave": voice_quality.tilt_db_per_octave(
            praat.spectrum, sample_rate_hz, pitch["f0_mean_hz"]
        ),
        **_formants(praat),
        "pitch_floor_hz": praat.floor_hz,
        "pitch_ceiling_hz": praat.ceiling_hz,
        "praat": parselmouth.PRAAT_VERSION,
        "parselmouth": parselmouth.VERSION,
    }


def pitch_range(samples: Samples, sample_rate_hz: int = 16_000) -> tuple[float, float]:
    """Return the floor and the ceiling in Hz of the search for this speaker's pitch."""
    return tracks.pitch_range(samples, sample_rate_hz)[:2]


def _rounded(measures: Measures) -> Measures:
    return {name: _plain(value) for name, value in measures.items()}


def _plain(value: float | int | str | None) -> float | int | str | None:
    """Return a value for JSON: rounded to four digits, None if not finite."""
    if not isinstance(value, float):
        return value
    return round(float(value), 4) if math.isfinite(value) else None


def _pitch(times: Array, f0_hz: Array) -> dict[str, float | None]:
    """Return level, spread and trend of the pitch over voiced frames.

    Semitones are 12 log2(f0 / median). The range is q95 - q05, which an octave error does not
    change; the slope is the least-squares line through all voiced frames.
    """
    names = ("f0_mean_hz", "f0_median_hz", "f0_sd_st", "f0_range_st", "f0_slope_st_per_s")
    if len(f0_hz) < MIN_VOICED_FRAMES:
        return dict.fromkeys(names)
    median = float(np.median(f0_hz))
    semitones = 12 * np.log2(f0_hz / median)
    low, high = np.quantile(semitones, (0.05, 0.95))
    values = (f0_hz.mean(), median, semitones.std(), high - low, vowels.slope(times, semitones))
    return dict(zip(names, map(float, values), strict=True))


def _intensity(intensity_db: Array) -> dict[str, float | None]:
    """Return level, spread and range of the intensity where there is sound.

    Intensity is Praat's: dB above 2e-5, a full-scale sine is 91 dB. The mean is of the energy,
    the range q95 - q05. Where there is sound: see `speech_rate.sounding`.
    """
    sounding = intensity_db[speech_rate.sounding(intensity_db)]
    names = ("intensity_mean_db", "intensity_sd_db", "intensity_range_db")
    if not len(sounding):
        return dict.fromkeys(names)
    mean = 10 * math.log10(np.mean(10 ** (sounding / 10)))
    low, high = np.quantile(sounding, (0.05, 0.95))
    return dict(zip(names, (mean, float(sounding.std()), float(high - low)), strict=True))


def _vowel_rate(praat: Tracks, vowel_count: int) -> dict[str, float | None]:
    """Return vowels per second of the time between pauses; None without vowels.

    The rates in syllables always count nuclei: they mean the same with and without phones.
    """
    spans = speech_rate.sounding_spans(praat.loud_times, speech_rate.sounding(praat.intensity_db))
    spoken_s = sum(end - start for start, end in spans)
    return {"vowel_rate_per_s": vowel_count / spoken_s if vowel_count and spoken_s else None}


def _formants(praat: Tracks) -> dict[str, float | None]:
    """Return the means of F1 to F3 in Hz over the voiced frames."""
    rows = praat.formants_hz
    if not len(rows) or not len(praat.times):
        return dict.fromkeys(FORMANTS)
    voiced = np.interp(rows[:, 0], praat.times, praat.voiced) > 0.5
    return {name: _mean(rows[voiced, i]) for i, name in enumerate(FORMANTS, 1)}


def _mean(values: Array) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
