"""Speech is found in a stream where it is found in the whole recording."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from emocli.signals import audio, voice_activity
from emocli.signals.speech_marks import WINDOW, Durations, Marks

CLIPS = sorted((Path(__file__).parents[2] / "examples" / "clips").glob("*.wav"))
RATE_HZ = 16_000


def recording(seed: int) -> np.ndarray:
    """Return clips in a random order, with pauses from none to two seconds."""
    chance = random.Random(seed)
    parts = []
    for path in chance.choices(CLIPS, k=14):
        pause = chance.choice([0, 0, 1000, 4000, 9000, 32_000])
        parts += [audio.read(path).samples, np.zeros(pause, np.float32)]
    samples = np.concatenate(parts)
    return samples[: len(samples) // WINDOW * WINDOW] if seed % 2 else samples


@pytest.mark.parametrize("seed", range(4))
def test_spans_of_blocks_are_those_of_faster_whisper(seed: int) -> None:
    vad = pytest.importorskip("faster_whisper.vad")
    options = vad.VadOptions(
        max_speech_duration_s=29.8,
        min_silence_duration_ms=500,
        min_speech_duration_ms=250,
        speech_pad_ms=100,
    )
    samples, chance = recording(seed), random.Random(seed)
    expected = [(s["start"], s["end"]) for s in vad.get_speech_timestamps(samples, options)]
    detector, found, at = voice_activity.detector(), [], 0
    while at < len(samples):
        size, needed = chance.choice([100, 5000, 160_000]), detector.needed
        complete = detector.feed(samples[at : at + size])
        assert all(start >= needed for start, _ in complete)
        found += complete
        at += size
    assert [*found, *detector.finish()] == expected
    assert len(expected) > 3


def marked(probabilities: list[float]) -> list[tuple[int, int]]:
    marks = Marks(Durations(480_000, 8000, 4000, 1600))
    for probability in probabilities:
        marks.step(probability)
    marks.finish(len(probabilities) * WINDOW)
    return marks.take()


def test_speech_without_a_pause_is_cut_where_it_is_least_like_speech() -> None:
    probabilities = [0.9] * 2000  # 64 s
    probabilities[700] = probabilities[1500] = 0.4  # never silent
    spans = marked(probabilities)
    assert [start for start, _ in spans[1:]] == [700 * WINDOW, 1500 * WINDOW]
    assert max(end - start for start, end in spans) <= 480_000
    assert spans[0][0] == 0
    assert spans[-1][1] == 2000 * WINDOW


def test_speech_is_never_longer_than_thirty_seconds() -> None:
    chance = random.Random(0)
    for _ in range(20):
        mean = chance.choice([0.5, 0.7, 0.9])
        probabilities = [min(max(chance.gauss(mean, 0.2), 0), 1) for _ in range(5000)]
        spans = marked(probabilities)
        assert max(end - start for start, end in spans) <= 480_000
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
