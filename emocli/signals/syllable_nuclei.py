"""Find vowels without knowing the words: around the nuclei of syllables.

A nucleus is a peak of the intensity that stands out and is voiced (de Jong & Wempe 2009, see
`speech_rate`). The span around it is our choice: as far as the intensity stays within 4 dB of the
peak and the voice goes on, at most half way to the next nucleus. With 4 dB the spans are as long as
the vowels that phoneticians marked in EMO-DB (ratio 0.96), and 91 % of those vowels have one.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from emocli.errors import RecordError
from emocli.signals import speech_rate, tracks
from emocli.signals.phones import Span
from emocli.signals.tracks import Samples, Tracks

DROP_DB = 4.0
SHORTEST_S = 0.03  # three frames of pitch: a shorter one is a click
MIN_DURATION_S = 0.1  # what Praat needs for a frame of intensity and of pitch


def find(samples: Samples, sample_rate_hz: int = 16_000) -> list[Span]:
    """Return the spans of the syllable nuclei in samples (time,); their sounds are not known.

    Raises RecordError too_short below 0.1 s.
    """
    duration_s = len(samples) / sample_rate_hz
    if duration_s < MIN_DURATION_S:
        message = f"{duration_s:g} s of audio is too short to find syllables in"
        raise RecordError("too_short", message, hint=f"at least {MIN_DURATION_S} s are needed")
    praat = tracks.follow(samples, sample_rate_hz)
    times, level_db = praat.loud_times, praat.intensity_db
    if len(times) < 2 or not praat.voiced.any():
        return []
    nuclei = speech_rate.nuclei(times, level_db, praat.times, praat.voiced)
    if not len(nuclei):
        return []
    peaks = np.searchsorted(times, nuclei)
    limits = [0, *((a + b) // 2 for a, b in pairwise(peaks)), len(times)]
    wide = [
        _around(int(peak), (int(first), int(last)), praat)
        for peak, (first, last) in zip(peaks, pairwise(limits), strict=True)
    ]
    return [Span(None, a, b) for a, b in wide if b - a >= SHORTEST_S]


def _around(peak: int, limits: tuple[int, int], praat: Tracks) -> tuple[float, float]:
    """Return the seconds around a peak (a frame) that are loud and voiced, within limits."""
    first, last = limits
    times = praat.loud_times[first:last]
    loud = praat.intensity_db[first:last] >= praat.intensity_db[peak] - DROP_DB
    loud &= np.interp(times, praat.times, praat.voiced) > 0.5
    gaps = np.flatnonzero(~loud)
    place = peak - first
    before, after = gaps[gaps < place], gaps[gaps > place]
    begin = int(before[-1]) + 1 if len(before) else 0
    end = int(after[0]) if len(after) else len(times)
    half = (praat.loud_times[1] - praat.loud_times[0]) / 2
    return float(times[begin] - half), float(times[end - 1] + half)
