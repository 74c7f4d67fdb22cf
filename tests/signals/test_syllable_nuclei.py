"""Nuclei of syllables where vowels are known to be."""

from __future__ import annotations

import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import syllable_nuclei

RATE_HZ = 16_000


def syllables(tone, places: list[tuple[float, float]], seconds: float) -> np.ndarray:
    """Return vowels between (start, end), each raised and lowered like a Hann window."""
    samples = np.zeros(int(seconds * RATE_HZ), np.float32)
    for start, end in places:
        vowel = tone(seconds=end - start, f0_hz=140.0, level=0.3)
        samples[int(start * RATE_HZ) :][: len(vowel)] += vowel * np.hanning(len(vowel))
    return samples


def test_each_vowel_has_a_nucleus_and_consonants_have_none(tone) -> None:
    places = [(0.2, 0.4), (0.5, 0.8), (0.9, 1.05), (1.4, 1.7)]
    samples = syllables(tone, places, 2.0)
    hiss = np.random.default_rng(0).normal(0, 0.05, RATE_HZ // 5).astype(np.float32)
    samples[int(1.1 * RATE_HZ) :][: len(hiss)] += hiss
    spans = syllable_nuclei.find(samples)
    assert len(spans) == len(places)
    for span, (start, end) in zip(spans, places, strict=True):
        assert start - 0.02 <= span.start < (start + end) / 2 < span.end <= end + 0.02
        assert (span.ipa, span.word) == (None, None)


def test_nothing_is_found_in_silence_and_noise() -> None:
    assert syllable_nuclei.find(np.zeros(RATE_HZ, np.float32)) == []
    noise = np.random.default_rng(1).normal(0, 0.1, RATE_HZ).astype(np.float32)
    assert syllable_nuclei.find(noise) == []


def test_too_short_is_said() -> None:
    with pytest.raises(RecordError) as caught:
        syllable_nuclei.find(np.zeros(100, np.float32))
    assert caught.value.code == "too_short"
