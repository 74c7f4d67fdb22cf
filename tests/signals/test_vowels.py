from __future__ import annotations

import math

import numpy as np
import pytest

from emocli.signals import formants, prosody, tracks, vowels
from tests.signals.voices import FORMANTS_HZ, PRESSURE, RATE_HZ, Vowel, said, sound

UNVOICED = dict.fromkeys(vowels.PITCH)


def measured(*spoken: Vowel) -> list[dict]:
    samples, spans = said(spoken)
    return prosody.measure(samples, RATE_HZ, spans)[1]


@pytest.mark.parametrize("f0_hz", [100.0, 130.0, 190.0, 260.0])  # men and women
@pytest.mark.parametrize("seconds", [0.09, 0.15])
def test_a_vowel_between_silences_has_its_pitch_slope_level_and_length(
    f0_hz: float, seconds: float
) -> None:
    spoken = [
        Vowel(f0_hz, -30.0, seconds, 70.0, "ɑ"),
        Vowel(f0_hz * 1.1, -15.0, seconds, 64.0, "i"),
        Vowel(f0_hz * 0.95, 20.0, seconds, 72.0, "u"),
        Vowel(f0_hz * 1.05, 40.0, seconds, 60.0, "ɛ"),
    ]
    for vowel, figures in zip(spoken, measured(*spoken), strict=True):
        assert figures["f0_mean_hz"] == pytest.approx(vowel.f0_mean_hz, rel=0.01)
        assert figures["f0_slope_st_per_s"] == pytest.approx(vowel.slope_st_per_s, rel=0.05)
        assert figures["intensity_mean_db"] == pytest.approx(vowel.level_db, abs=0.5)
        assert figures["duration"] == pytest.approx(vowel.seconds, abs=0.01)


def test_a_straight_glide_spreads_as_a_uniform_distribution_does() -> None:
    (figures,) = measured(Vowel(150.0, 30.0, 0.2))
    interval = 30.0 * 0.2
    assert figures["f0_sd_st"] == pytest.approx(interval / math.sqrt(12), rel=0.1)
    assert figures["f0_range_st"] == pytest.approx(interval, rel=0.1)


def test_a_steady_vowel_varies_in_nothing() -> None:
    for figures in measured(Vowel(100.0), Vowel(140.0, phone="i")):
        assert abs(figures["f0_slope_st_per_s"]) < 0.5
        assert figures["f0_sd_st"] < 0.05
        assert figures["intensity_sd_db"] < 0.1


def test_a_fading_vowel_has_the_spread_of_its_levels() -> None:
    wave = sound(Vowel(150.0, seconds=0.2))
    fade_db = np.linspace(0, -12, len(wave))
    utterance = prosody.measure(np.pad(wave * 10 ** (fade_db / 20), 1600), RATE_HZ, [(0.1, 0.3)])[
        1
    ][0]
    heard_db = 12 * (0.2 - 2 / 150) / 0.2  # between the first and the last window's middle
    assert utterance["intensity_sd_db"] == pytest.approx(heard_db / math.sqrt(12), rel=0.05)


@pytest.mark.parametrize("phone", FORMANTS_HZ)
def test_a_vowel_has_its_formants(phone: str) -> None:
    for figures in measured(*(Vowel(f0_hz, seconds=0.15, phone=phone) for f0_hz in (110.0, 130.0))):
        hertz = [figures[name] for name in vowels.FORMANTS]
        assert hertz[0] == pytest.approx(FORMANTS_HZ[phone][0], rel=0.08)  # harmonics are sparse
        assert hertz[1:] == pytest.approx(FORMANTS_HZ[phone][1:3], rel=0.03)


def test_a_whispered_vowel_has_no_pitch_but_a_level_and_formants() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 1, RATE_HZ) * PRESSURE * 10 ** (60 / 20)
    utterance = prosody.measure(noise, RATE_HZ, [(0.4, 0.5)])[1][0]
    assert utterance.items() >= UNVOICED.items()
    assert utterance["intensity_mean_db"] == pytest.approx(60, abs=0.5)
    assert utterance["f1_hz"] is not None


def test_a_vowel_below_thirty_milliseconds_has_no_pitch() -> None:
    samples, ((start, _),) = said([Vowel(200.0, seconds=0.2)])
    spans = [(start + 0.05, start + 0.05 + seconds) for seconds in (0.029, 0.031)]
    short, long = prosody.measure(samples, RATE_HZ, spans)[1]
    assert short.items() >= UNVOICED.items()
    assert long["f0_mean_hz"] == pytest.approx(200, rel=0.01)


def test_a_vowel_outside_of_the_recording_is_undefined() -> None:
    samples, _ = said([Vowel()])
    spans = [(5.0, 5.1), (-1.0, -0.9), (0.1, 0.1)]
    for figures in prosody.measure(samples, RATE_HZ, spans)[1]:
        assert {name for name, value in figures.items() if value is not None} == {"duration"}
    assert prosody.measure(np.zeros(RATE_HZ), RATE_HZ, [(0.2, 0.4)])[1][0]["f1_hz"] is None


def test_a_vowel_on_the_edge_of_a_window_is_as_good_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoken = [Vowel(140.0 + 3 * i, 20.0 - 5 * i, 0.2, 70.0, "ɑ") for i in range(8)]
    samples, spans = said(spoken)
    full = prosody.measure(samples, RATE_HZ, spans)[1]
    monkeypatch.setattr(tracks, "WINDOW_S", 1.0)  # edges at 0.83 and 1.67 s, in vowels
    assert any(start < len(samples) / RATE_HZ / 3 < end for start, end in spans)
    parts = prosody.measure(samples, RATE_HZ, spans)[1]
    for one, other in zip(full, parts, strict=True):
        assert other["f0_mean_hz"] == pytest.approx(one["f0_mean_hz"], rel=0.005)
        assert other["f0_slope_st_per_s"] == pytest.approx(one["f0_slope_st_per_s"], abs=0.5)
        assert other["intensity_mean_db"] == one["intensity_mean_db"]
        assert other["f1_hz"] == pytest.approx(one["f1_hz"], rel=0.05)


def test_other_vowels_do_not_matter() -> None:
    samples, spans = said([Vowel(140.0), Vowel(150.0, phone="i"), Vowel(160.0, phone="u")])
    single = prosody.measure(samples, RATE_HZ, spans[1:2])[1][0]
    assert prosody.measure(samples, RATE_HZ, spans)[1][1] == single


def test_low_and_high_voices_have_ceilings_of_their_own() -> None:
    assert formants.ceiling_hz(120.0) == 5000
    assert formants.ceiling_hz(210.0) == 5500
    assert formants.ceiling_hz(None) == 5500


def test_formants_of_nothing_are_nothing() -> None:
    times = np.arange(100) / 200
    nothing = formants.track(np.zeros(8000), 16_000, times, times < 0, 5000)
    assert nothing.shape == (0, 4)
    too_short = formants.track(np.zeros(400), 16_000, times[:5], times[:5] < 1, 5000)
    assert too_short.shape == (0, 4)
