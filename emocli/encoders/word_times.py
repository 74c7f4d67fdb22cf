"""Repair the times of words that a speech-to-text network gives.

Attention and dynamic time warping give a pause to one of the words beside it, and no time at all to
a word that they pass over. Here a word ends where its sound does, and lasts 20 ms at least, which
is a frame of Whisper's encoder. What counts as a pause is our choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from emocli.encoders.decoding import Word
from emocli.encoders.speech_windows import SAMPLE_RATE_HZ, Samples, Span

FRAME_S = 0.02  # of Whisper: 50 frames a second
PAUSE_S = 0.2  # the closure of a stop is shorter
QUIET_DB = 40.0  # below the loudest frame; weak fricatives are 20 to 35 below a vowel
DIGITS = 3  # of a second: 1 ms


def without_pauses(words: Sequence[Word], samples: Samples) -> list[Word]:
    """Return words that neither begin nor end with a pause in samples (time,)."""
    size = round(FRAME_S * SAMPLE_RATE_HZ)
    count = len(samples) // size
    if not count:
        return list(words)
    power = np.square(samples[: count * size].reshape(count, size), dtype=np.float64).mean(1)
    sounds = power > power.max() * 10 ** (-QUIET_DB / 10)
    return [_trimmed(word, sounds) for word in words]


def _trimmed(word: Word, sounds: np.ndarray) -> Word:
    first, last = round(word["start"] / FRAME_S), round(word["end"] / FRAME_S)
    heard = first + np.flatnonzero(sounds[first:last])
    if not len(heard):  # a word that is a pause: nothing tells where its sound is
        return word
    start, end = heard[0] * FRAME_S, (heard[-1] + 1) * FRAME_S
    if start - word["start"] >= PAUSE_S:
        word = {**word, "start": float(start)}
    if word["end"] - end >= PAUSE_S:
        word = {**word, "end": float(end)}
    return word


def shared(words: Sequence[Word], spans: Sequence[Span], start: float, end: float) -> list[Word]:
    """Return words spread over the speech between two times, as they are over all of that time.

    For a network that does not tell times: its words share a window evenly, and none is in a pause.
    """
    parts = [(max(a, start), min(b, end)) for a, b in spans if min(b, end) > max(a, start)]
    total = sum(b - a for a, b in parts)
    if not total:
        return list(words)

    def moved(second: float) -> float:
        rest = (second - start) / (end - start) * total
        for first, last in parts:
            if rest <= last - first:
                return first + rest
            rest -= last - first
        return parts[-1][1]

    return [{**w, "start": moved(w["start"]), "end": moved(w["end"])} for w in words]


def in_order(words: Sequence[Word], start: float, end: float) -> list[Word]:
    """Return words between two times that follow each other, each of some length; rounded.

    Words that have all this are not changed but by rounding. Where there is no room for the frames
    that words lack, all of them share the time evenly.
    """
    first, last = round(start, DIGITS), round(end, DIGITS)
    times = [(round(w["start"], DIGITS), round(w["end"], DIGITS)) for w in words]
    if not _fit(times, first, last):
        times = _pushed(times, first, last)
    return [{**w, "start": a, "end": b} for w, (a, b) in zip(words, times, strict=True)]


def _fit(times: Sequence[Span], first: float, last: float) -> bool:
    edges = [edge for time in times for edge in time]
    return edges == sorted(edges) and all(first <= a < b <= last for a, b in times)


def _pushed(times: Sequence[Span], first: float, last: float) -> list[Span]:
    """Return times that follow each other: each starts after the one before, the last fits in."""
    if len(times) * FRAME_S >= last - first:
        edges = np.linspace(first, last, len(times) + 1).tolist()
        return list(pairwise(edges))
    later: list[Span] = []
    for start, end in times:
        start = max(start, first)
        later.append((start, end if end > start else start + FRAME_S))
        first = later[-1][1]
    earlier: list[Span] = []
    for start, end in reversed(later):
        end = min(end, last)
        earlier.append((start if start < end else end - FRAME_S, end))
        last = earlier[-1][0]
    return [(round(a, DIGITS), round(b, DIGITS)) for a, b in reversed(earlier)]
