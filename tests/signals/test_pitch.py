from __future__ import annotations

import numpy as np
import parselmouth
import pytest

from emocli.signals import pitch, tracks
from tests.signals.voices import RATE_HZ, Vowel, said, sound

RANGE = pitch.Range(75.0, 400.0, 150.0)


def test_silent_ends_are_there_and_unvoiced() -> None:
    voice = sound(Vowel(150.0, 10.0, 0.5))
    noise = np.random.default_rng(0).normal(0, 1e-6, len(voice) + 3 * RATE_HZ)
    noise[RATE_HZ : RATE_HZ + len(voice)] += voice
    track = pitch.follow(parselmouth.Sound(noise, RATE_HZ), 0.005, RANGE)
    assert track.times[0] < 0.1
    assert track.times[-1] > len(noise) / RATE_HZ - 0.1
    np.testing.assert_allclose(np.diff(track.times), 0.005, rtol=1e-6)
    inside = track.times[track.f0_hz > 0]
    assert (inside.min(), inside.max()) == pytest.approx((1.0, 1.5), abs=0.03)


def test_it_is_what_praat_finds_in_the_whole() -> None:
    samples, _ = said([Vowel(120.0, 20.0, 0.3), Vowel(180.0, -20.0, 0.3)], gap_s=0.7)
    full_sound = parselmouth.Sound(samples, RATE_HZ)
    track = pitch.follow(full_sound, 0.005, RANGE)
    theirs = full_sound.to_pitch_ac(0.005, RANGE.floor_hz, pitch_ceiling=RANGE.ceiling_hz)
    f0_hz = theirs.selected_array["frequency"]
    assert abs(len(track.f0_hz) - len(f0_hz)) <= 2
    assert np.count_nonzero(track.f0_hz) == pytest.approx(np.count_nonzero(f0_hz), abs=2)
    at = np.interp(theirs.xs(), track.times, track.f0_hz)
    both = (f0_hz > 0) & (np.interp(theirs.xs(), track.times, track.f0_hz > 0) == 1)
    np.testing.assert_allclose(at[both], f0_hz[both], rtol=0.005)


def test_digital_silence_has_no_pitch() -> None:
    track = pitch.follow(parselmouth.Sound(np.zeros(RATE_HZ), RATE_HZ), 0.005, pitch.WIDE)
    assert not track.f0_hz.any()
    assert pitch.range_of(track.f0_hz) == pitch.WIDE


def test_a_click_in_silence_is_too_little_for_a_range() -> None:
    samples = np.zeros(RATE_HZ)
    samples[8000] = 1.0
    assert tracks.pitch_range(samples) == pitch.WIDE


def test_the_range_follows_the_speaker_and_stays_within_what_voices_do() -> None:
    assert pitch.range_of(np.full(10, 100.0))[:2] == (75, 250)
    assert pitch.range_of(np.full(10, 60.0))[:2] == (50, 150)
    assert pitch.range_of(np.full(10, 400.0))[:2] == (300, 800)
    mixed = pitch.range_of(np.array([0.0, 100, 110, 120, 0, 200]))
    assert mixed == pytest.approx((0.75 * 107.5, 2.5 * 140, 115))
