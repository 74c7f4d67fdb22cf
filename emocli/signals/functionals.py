"""Summarise the acoustics of speech in one vector: functionals of the contours, and rhythm.

In the manner of eGeMAPS (Eyben et al. 2016, https://doi.org/10.1109/TAFFC.2015.2457417), but
not its 88 figures: the contours are ours (`contour_features`), more of them are cepstral, and a
spread is the standard deviation itself where zero is arbitrary (semitones, dB, cepstra); only for
formants is it divided by the mean.

Always finite: without a voiced frame means and percentiles are those of the contour's stand-in,
spreads, slopes and durations 0, and `voiced_share` says so.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from emocli.signals import contour_features, spectral_frames, speech_rate
from emocli.signals.contour_features import STEP_S, Contours
from emocli.signals.tracks import Array, Mask, Samples
from emocli.signals.vowels import slope

FORMANTS = ("f1_hz", "f2_hz", "f3_hz")
VOICE = ("hnr_db", "h1_h2_db", "h1_a3_db")
TILT = spectral_frames.COLUMNS[:4]
CEPSTRUM = spectral_frames.COLUMNS[5:]
LOUDEST = 1e-12  # mean square, -120 dBFS: the lowest level


def vector(samples: Samples, rate_hz: float = 16_000) -> npt.NDArray[np.float32]:
    """Return the functionals (numbers,) of samples (time,), in the order of `describe`."""
    return np.array(list(describe(samples, rate_hz).values()), np.float32)


def describe(samples: Samples, rate_hz: float = 16_000) -> dict[str, float]:
    """Return the functionals of samples (time,) by name, all finite.

    Of pitch over voiced frames, and of intensity over frames that sound (`speech_rate.sounding`):
    mean, sd, p20, p50, p80, range (p80 - p20), mean and sd of the rising and of the falling slopes,
    and the trend, the slope of the line through all. Mean and sd of harmonicity, harmonic
    differences, formants (sd over mean), tilt and cepstrum in voiced frames; mean tilt in frames
    that sound without a voice; mean and sd of flux and cepstrum in all sounding frames; `rhythm`.
    Raises RecordError too_short below 0.1 s.
    """
    contours = contour_features.follow(samples, rate_hz)
    values, voiced = contours.values, contours.voiced
    sounding = speech_rate.sounding(values["intensity_db"])
    voiceless = sounding & ~voiced
    figures = {
        **_contour(contours, "f0_st", "f0_slope_st_per_s", voiced),
        **_contour(contours, "intensity_db", "intensity_slope_db_per_s", sounding),
    }
    for name in (*VOICE, *TILT, *CEPSTRUM):
        figures |= _spread(f"voiced_{name}", values[name], voiced)
    for name in FORMANTS:
        mean, sd = _spread(name, values[name], voiced).values()
        figures |= {f"{name}_mean": mean, f"{name}_sd_over_mean": sd / mean}
    for name in TILT:
        figures[f"voiceless_{name}_mean"] = _spread(name, values[name], voiceless)[f"{name}_mean"]
    for name in ("flux", *CEPSTRUM):
        figures |= _spread(name, values[name], sounding)
    return figures | rhythm(contours, sounding) | _voice(samples, contours)


def _spread(name: str, values: Array, mask: Mask) -> dict[str, float]:
    """Return mean and SD over a mask; if it is empty, the mean of all and 0."""
    counted = values[mask] if mask.any() else values.mean(keepdims=True)
    return {f"{name}_mean": float(counted.mean()), f"{name}_sd": float(counted.std())}


def _contour(contours: Contours, name: str, slope_name: str, mask: Mask) -> dict[str, float]:
    """Return the functionals of one contour over a mask."""
    values, steps = contours.values[name][mask], contours.values[slope_name][mask]
    if not len(values):
        values, steps = contours.values[name].mean(keepdims=True), np.zeros(1)
    low, middle, high = (float(value) for value in np.percentile(values, (20, 50, 80)))
    trend = slope(contours.times[mask], values) if np.count_nonzero(mask) > 1 else 0.0
    return {
        f"{name}_mean": float(values.mean()),
        f"{name}_sd": float(values.std()),
        f"{name}_p20": low,
        f"{name}_p50": middle,
        f"{name}_p80": high,
        f"{name}_range": high - low,
        **_spread_or_none(f"{name}_rise", steps[steps > 0]),
        **_spread_or_none(f"{name}_fall", steps[steps < 0]),
        f"{name}_trend_per_s": trend,
    }


def _spread_or_none(name: str, values: Array) -> dict[str, float]:
    return _spread(name, values if len(values) else np.zeros(1), np.ones(max(len(values), 1), bool))


def rhythm(contours: Contours, sounding: Mask) -> dict[str, float]:
    """Return shares, rates per second and lengths in seconds of voiced stretches and gaps.

    Gaps are those between voiced stretches. Rates are over the whole recording; syllables are
    peaks of loudness (`speech_rate`), articulation is syllables over the time between pauses.
    """
    praat, seconds = contours.tracks, len(contours.times) * STEP_S
    rates = speech_rate.rhythm(
        praat.loud_times, praat.intensity_db, praat.times, praat.voiced, seconds
    )
    edges = np.flatnonzero(np.diff(contours.voiced.astype(int), prepend=0, append=0)) * STEP_S
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    lengths = np.array([end - start for start, end in spans])
    gaps = np.array([after[0] - before[1] for before, after in pairwise(spans)])
    return {
        "voiced_share": float(contours.voiced.mean()),
        "sounding_share": float(sounding.mean()),
        "voiced_stretches_per_s": len(spans) / seconds,
        **_spread_or_none("voiced_s", lengths),
        **_spread_or_none("gap_s", gaps),
        "syllables_per_s": float(rates["speech_rate_syll_per_s"] or 0.0),
        "articulation_per_s": float(rates["articulation_rate_syll_per_s"] or 0.0),
        "pause_share": float(rates["pause_total"] or 0.0) / seconds,
    }


def _voice(samples: Samples, contours: Contours) -> dict[str, float]:
    """Return jitter (a ratio), shimmer and the level of the recording in dBFS."""
    square = float(np.mean(np.square(samples, dtype=np.float64)))
    jitter, shimmer_db = contours.tracks.jitter, contours.tracks.shimmer_db
    return {
        "jitter_local": jitter if math.isfinite(jitter) else 0.0,
        "shimmer_local_db": shimmer_db if math.isfinite(shimmer_db) else 0.0,
        "level_dbfs": 10 * math.log10(max(square, LOUDEST)),
    }
