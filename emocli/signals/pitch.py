"""Find the pitch of a voice by autocorrelation, through Praat, where there is anything to hear.

P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound", IFA Proceedings 17, 1993,
https://www.fon.hum.uva.nl/paul/papers/Proceedings_1993.pdf.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import parselmouth

Array = npt.NDArray[np.float64]

# The first look: bass to a scream. Then the speaker's own range, which halves octave errors:
# 0.75 q25 to 2.5 q75, wide above because emotion is (De Looze & Hirst 2008,
# https://www.isca-archive.org/speechprosody_2008/looze08_speechprosody.html; Hirst 2011 for 2.5).
FIRST_FLOOR_HZ, FIRST_CEILING_HZ = 60.0, 700.0
FIRST_STEP_S = 0.02  # two quartiles are all that is wanted of it
FLOOR_OF_Q25, CEILING_OF_Q75 = 0.75, 2.5
LOWEST_FLOOR_HZ, HIGHEST_CEILING_HZ = 50.0, 800.0

PERIODS_PER_FRAME = 3.0  # of the floor, in Praat
CANDIDATES = 5  # per frame; Praat's 15 cost a fifth more and find nothing better (bench pitch)
MIN_VOICED_FRAMES = 3  # a slope through fewer points says nothing

# Praat calls silent what stays below 0.03 of the loudest sample. Silence before the first and after
# the last sample of a third of that is not looked at; the margin is more than a frame.
FAINTEST = 0.01
MARGIN_S = 0.1


class Range(NamedTuple):
    """Between which frequencies to look for a speaker's pitch, and its median, if known."""

    floor_hz: float
    ceiling_hz: float
    median_hz: float | None


class Track(NamedTuple):
    """Pitch over time."""

    times: Array  # (frames,) seconds from the start of the sound
    f0_hz: Array  # 0 where unvoiced
    pitch: parselmouth.Pitch  # of the part that was looked at


WIDE = Range(FIRST_FLOOR_HZ, FIRST_CEILING_HZ, None)


def range_of(f0_hz: Array) -> Range:
    """Return the range of a speaker of whom a wide look has found this pitch (frames,).

    0.75 times the first and 2.5 times the third quartile (De Looze & Hirst 2008); the wide range
    itself where nothing is voiced.
    """
    f0_hz = f0_hz[f0_hz > 0]
    if len(f0_hz) < MIN_VOICED_FRAMES:
        return WIDE
    q25, median, q75 = map(float, np.quantile(f0_hz, (0.25, 0.5, 0.75)))
    floor_hz = max(FLOOR_OF_Q25 * q25, LOWEST_FLOOR_HZ)
    return Range(floor_hz, min(CEILING_OF_Q75 * q75, HIGHEST_CEILING_HZ), median)


def follow(sound: parselmouth.Sound, step_s: float, within: Range) -> Track:
    """Return the pitch every `step_s` seconds, silent ends and all."""
    part = _heard(sound, PERIODS_PER_FRAME / within.floor_hz)
    found = part.to_pitch_ac(
        step_s,
        within.floor_hz,
        max_number_of_candidates=CANDIDATES,
        pitch_ceiling=within.ceiling_hz,
    )
    # A copy: the candidates, which it would hold on to, are many times as much.
    f0_hz: Array = found.selected_array["frequency"].copy()
    before = int((part.xmin - sound.xmin) / step_s)
    after = int((sound.xmax - part.xmax) / step_s)
    times = found.x1 + step_s * np.arange(-before, len(f0_hz) + after)
    return Track(times, np.pad(f0_hz, (before, after)), found)


def _heard(sound: parselmouth.Sound, frame_s: float) -> parselmouth.Sound:
    """Return a sound without the silence before and after it, at least a frame."""
    values = sound.values[0]
    loud = np.flatnonzero(np.abs(values) >= FAINTEST * np.abs(values).max())
    margin = round((MARGIN_S + frame_s) * sound.sampling_frequency)
    first, last = max(loud[0] - margin, 0), min(loud[-1] + margin, len(values))
    start = sound.xmin + first / sound.sampling_frequency
    return parselmouth.Sound(values[first:last], sound.sampling_frequency, start)
