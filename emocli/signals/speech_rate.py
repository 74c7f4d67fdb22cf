"""Count syllables and pauses without knowing the words.

N. H. de Jong & T. Wempe, "Praat script to detect syllable nuclei and measure speech rate
automatically", Behavior Research Methods 41, 2009, https://doi.org/10.3758/BRM.41.2.385.
A syllable nucleus is a peak of the intensity that stands out and is voiced.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SILENCE_DB = 25.0  # below the loudest (0.99 quantile): silence, as in the paper
LOUDEST_QUANTILE = 0.99
DIP_DB = 2.0  # between two nuclei, as in the paper
MIN_PAUSE_S = 0.3  # as in the paper: shorter silences are stops, not pauses
MIN_SOUND_S = 0.1  # between pauses, Praat's default for "To TextGrid (silences)"
FAINTEST_DB = 10.0  # above 2e-5: 84 dB below full scale, where 16 bits end; digital silence


def rhythm(
    times: Array, intensity_db: Array, pitch_times: Array, voiced: Mask, duration_s: float
) -> dict[str, float | int | None]:
    """Return rates and pauses from an intensity track and a voicing track.

    speech_rate_syll_per_s is nuclei over the whole duration, articulation_rate_syll_per_s over
    the time between pauses; pauses before the first and after the last sound do not count.
    All are None in silence.
    """
    spans = sounding_spans(times, sounding(intensity_db))
    if not spans:
        names = ("speech_rate_syll_per_s", "articulation_rate_syll_per_s")
        return dict.fromkeys((*names, "pause_count", "pause_total"))
    count = len(nuclei(times, intensity_db, pitch_times, voiced))
    spoken_s = sum(end - start for start, end in spans)
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    return {
        "speech_rate_syll_per_s": count / duration_s,
        "articulation_rate_syll_per_s": count / spoken_s,
        "pause_count": len(gaps),
        "pause_total": float(sum(gaps)),
    }


def sounding(intensity_db: Array) -> Mask:
    """Say which frames are neither silent relative to the loudest ones nor digital silence."""
    if not len(intensity_db):
        return np.zeros(0, bool)
    loudest = np.quantile(intensity_db, LOUDEST_QUANTILE)
    mask: Mask = intensity_db > max(loudest - SILENCE_DB, FAINTEST_DB)
    return mask


def sounding_spans(times: Array, mask: Mask) -> list[tuple[float, float]]:
    """Return spans (start, end) of sound; silences under 0.3 s are bridged, blips dropped.

    >>> times = np.arange(200) / 100
    >>> mask = (times < 0.5) | (times > 0.6) & (times < 1.0) | (times > 1.5)
    >>> [(round(float(a), 2), round(float(b), 2)) for a, b in sounding_spans(times, mask)]
    [(0.0, 1.0), (1.51, 2.0)]
    """
    step = float(times[1] - times[0]) if len(times) > 1 else MIN_SOUND_S
    edges = np.flatnonzero(np.diff(mask.astype(int), prepend=0, append=0))
    spans: list[tuple[float, float]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        start, end = float(times[first]), float(times[last - 1]) + step
        if spans and start - spans[-1][1] < MIN_PAUSE_S:
            start = spans.pop()[0]
        spans.append((start, end))
    return [span for span in spans if span[1] - span[0] >= MIN_SOUND_S]


def nuclei(times: Array, intensity_db: Array, pitch_times: Array, voiced: Mask) -> Array:
    """Return the times of the syllable nuclei.

    Peaks of the intensity above the silence threshold; of neighbours with a dip of less than 2 dB
    between them the louder one is kept; unvoiced ones are dropped.
    """
    inner = intensity_db[1:-1]
    is_peak = (inner > intensity_db[:-2]) & (inner >= intensity_db[2:])
    is_peak &= sounding(intensity_db)[1:-1]
    kept: list[int] = []
    for peak in np.flatnonzero(is_peak) + 1:
        if kept:
            dip = intensity_db[kept[-1] : peak].min()
            if min(intensity_db[kept[-1]], intensity_db[peak]) - dip < DIP_DB:
                if intensity_db[peak] > intensity_db[kept[-1]]:
                    kept[-1] = int(peak)
                continue
        kept.append(int(peak))
    if not len(pitch_times):
        return np.zeros(0)
    return times[kept][np.interp(times[kept], pitch_times, voiced) > 0.5]
