"""Contours of voices whose pitch, loudness and formants are known, and of what is no voice."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft

from emocli.errors import RecordError
from emocli.signals import contour_features, spectral_frames
from emocli.signals.contour_features import COLUMNS, STAND_INS, follow, frames
from tests.signals.voices import FORMANTS_HZ, PRESSURE, RATE_HZ, Vowel, said, sound


def steady(values: np.ndarray) -> np.ndarray:
    """The middle of a vowel."""
    return values[len(values) // 4 : -len(values) // 4]


@pytest.mark.parametrize("slope", [-20.0, 0.0, 20.0])
def test_pitch_slope_and_loudness_are_those_a_vowel_was_made_with(slope: float) -> None:
    vowel = Vowel(f0_hz=200.0, slope_st_per_s=slope, seconds=0.6, level_db=66.0)
    samples, [(start, end)] = said([vowel])
    contours = follow(samples)
    inside = (contours.times > start + 0.05) & (contours.times < end - 0.05)
    assert contours.voiced[inside].all()
    time = contours.times[inside] - (start + end) / 2
    expected = 12 * np.log2(200.0 / 27.5) + slope * time
    np.testing.assert_allclose(contours.values["f0_st"][inside], expected, atol=0.15)
    np.testing.assert_allclose(contours.values["f0_slope_st_per_s"][inside], slope, atol=1.5)
    power = 10 ** (
        contours.values["intensity_db"][inside] / 10
    )  # it moves as harmonics pass formants
    assert 10 * np.log10(power.mean()) == pytest.approx(66.0, abs=1.0)


def test_loudness_that_falls_has_that_slope() -> None:
    vowel = sound(Vowel(seconds=1.0))
    time = np.arange(len(vowel)) / RATE_HZ
    contours = follow(vowel * 10 ** (-30 * time / 20))
    slope = contours.values["intensity_slope_db_per_s"]
    np.testing.assert_allclose(steady(slope), -30.0, atol=1.5)


@pytest.mark.parametrize("phone", ["ɑ", "i", "ɛ"])
def test_formants_are_those_of_the_vowel(phone: str) -> None:
    samples, _ = said([Vowel(f0_hz=110.0, seconds=0.4, phone=phone)])
    contours = follow(samples)
    for place, name in enumerate(("f1_hz", "f2_hz", "f3_hz")):
        middle = float(np.median(steady(contours.values[name])))
        assert middle == pytest.approx(FORMANTS_HZ[phone][place], rel=0.05)


def test_noise_of_known_power_gives_that_harmonicity() -> None:
    voice = sound(Vowel(seconds=1.0))
    noise = np.random.default_rng(1).normal(0, np.std(voice) * 10 ** (-10 / 20), len(voice))
    contours = follow(voice + noise)
    assert float(np.mean(steady(contours.values["hnr_db"]))) == pytest.approx(10.0, abs=1.5)


def test_what_only_a_voice_has_is_drawn_straight_across_a_gap() -> None:
    low, high = Vowel(f0_hz=150.0, seconds=0.3), Vowel(f0_hz=200.0, seconds=0.3)
    samples, spans = said([low, high], gap_s=0.2)
    contours = follow(samples)
    pitch, voiced = contours.values["f0_st"], contours.voiced
    gap = (contours.times > spans[0][1] + 0.04) & (contours.times < spans[1][0] - 0.04)
    assert not voiced[gap].any()
    assert np.abs(np.diff(pitch[gap], 2)).max() < 1e-9
    assert pitch[0] == pitch[contours.times < spans[0][0]][-1]  # held before the first vowel
    assert (contours.values["f0_slope_st_per_s"][gap] == 0).all()


def test_one_row_for_each_10_ms_whatever_the_length() -> None:
    for seconds in (0.1, 0.105, 0.7, 1.0):
        columns = frames(sound(Vowel(seconds=seconds)))
        assert columns.shape == (int(seconds * 100 + 1e-6), len(COLUMNS))
        assert columns.dtype == np.float32
    assert len(COLUMNS) == len(set(COLUMNS)) == 28


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE_HZ, np.float32),
        np.zeros(RATE_HZ // 10),
        np.ones(RATE_HZ // 2),
        np.random.default_rng(0).normal(0, 0.1, RATE_HZ // 10),
        np.random.default_rng(0).normal(0, 1e-6, RATE_HZ // 2).astype(np.float32),
        np.eye(1, RATE_HZ // 2, 4000)[0],  # a click
    ],
)
def test_without_a_voice_everything_is_finite_and_the_stand_ins_are_there(
    samples: np.ndarray,
) -> None:
    contours = follow(samples)
    assert not contours.voiced.any()
    assert all(np.isfinite(values).all() for values in contours.values.values())
    for name, stand_in in STAND_INS.items():
        assert (contours.values[name] == stand_in).all()


def test_stand_ins_are_a_voice_between_men_and_women_and_a_neutral_tract() -> None:
    assert 27.5 * 2 ** (STAND_INS["f0_st"] / 12) == pytest.approx(160.0)
    speed_of_sound, tract = 350.0, 0.175  # a tube closed at one end: (2n - 1) c / 4 L
    for n in (1, 2, 3):
        assert STAND_INS[f"f{n}_hz"] == pytest.approx((2 * n - 1) * speed_of_sound / 4 / tract)


def test_too_short_is_an_error() -> None:
    with pytest.raises(RecordError, match="too short") as caught:
        follow(np.zeros(RATE_HZ // 20))
    assert caught.value.code == "too_short"


def test_gain_moves_the_intensity_alone() -> None:
    samples, _ = said([Vowel(), Vowel(f0_hz=180.0, phone="i")], gap_s=0.05, noise_db=45.0)
    loud, quiet = follow(samples).values, follow(samples / 10).values
    for name in COLUMNS:
        shift = 20.0 if name == "intensity_db" else 0.0
        np.testing.assert_allclose(loud[name] - quiet[name], shift, atol=0.02, err_msg=name)


def test_blocks_of_frames_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = sound(Vowel(seconds=0.5, slope_st_per_s=6.0))
    full = frames(samples)
    monkeypatch.setattr(contour_features, "BLOCK", 7)
    np.testing.assert_allclose(frames(samples), full, rtol=1e-6, atol=1e-6)


def tone(hertz: float, level: float = 0.1) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(RATE_HZ // 2) / RATE_HZ)


TIMES = np.array([0.1, 0.2, 0.3])


def test_the_bins_of_a_spectrum_add_up_to_the_mean_square() -> None:
    power = spectral_frames.power(tone(1000.0), RATE_HZ, TIMES)
    np.testing.assert_allclose(power.sum(axis=1), 0.1**2 / 2, rtol=1e-3)
    hertz = np.linspace(0, RATE_HZ / 2, power.shape[1])
    assert hertz[power[0].argmax()] == pytest.approx(1000.0, abs=8)


def test_two_tones_have_the_ratio_they_were_made_with() -> None:
    samples = tone(500.0, 0.1) + tone(3000.0, 0.01)  # 20 dB apart
    values = spectral_frames.shape(spectral_frames.power(samples, RATE_HZ, TIMES), RATE_HZ)
    measures = dict(zip(spectral_frames.COLUMNS, values.T, strict=True))
    np.testing.assert_allclose(measures["alpha_ratio_db"], -20.0, atol=0.1)
    np.testing.assert_allclose(measures["hammarberg_db"], 20.0, atol=0.1)


def test_a_line_in_db_over_frequency_has_that_slope() -> None:
    hertz = np.linspace(0, RATE_HZ / 2, 513)
    power = 10 ** (-(0.012 * hertz + 20) / 10)[None]
    values = spectral_frames.shape(power, RATE_HZ)[0]
    np.testing.assert_allclose(values[2:4], -12.0, rtol=1e-6)
    power[:, 10], power[:, 40] = 0.0, 0.0  # a hole of one bin is none
    values = spectral_frames.shape(power, RATE_HZ)[0]
    np.testing.assert_allclose(values[2:4], -12.0, atol=3.0)


def test_flux_is_0_of_one_sound_and_root_2_between_two_that_share_nothing() -> None:
    power = np.zeros((4, 257))
    power[:2, 10], power[2, 100], power[3, 100] = 1.0, 1.0, 0.01
    flux = spectral_frames.shape(power, RATE_HZ)[:, 4]
    np.testing.assert_allclose(flux, [0, 0, math.sqrt(2), 0], atol=1e-3)


def test_the_cepstrum_is_scipys_cosine_transform_of_the_log_bands() -> None:
    power = np.random.default_rng(0).uniform(1e-6, 1e-3, (5, 513))
    energies = power @ spectral_frames._mel_bands(513, RATE_HZ).T
    expected = scipy.fft.dct(np.log(energies), norm="ortho")[:, 1:13]
    np.testing.assert_allclose(spectral_frames.cepstrum(power, RATE_HZ), expected, atol=1e-9)


def test_mel_bands_meet_at_half_their_height_and_are_evenly_spaced_in_mel() -> None:
    bands = spectral_frames._mel_bands(513, RATE_HZ)
    hertz = np.linspace(0, RATE_HZ / 2, 513)
    inside = (hertz > 100) & (hertz < 7000)  # between the first and the last peak
    np.testing.assert_allclose(bands.sum(axis=0)[inside], 1.0, atol=1e-9)
    peaks = 1127.01048 * np.log(1 + hertz[bands.argmax(axis=1)] / 700)
    assert np.diff(peaks).mean() == pytest.approx((2840.0 - 31.7) / 27, rel=0.01)
    assert np.ptp(np.diff(peaks)) < 40


def test_harmonics_are_as_far_apart_as_they_were_made() -> None:
    f0_hz, f3_hz = np.full(3, 150.0), np.full(3, 2400.0)
    samples = tone(150.0, 0.1) + tone(300.0, 0.05) + tone(2400.0, 0.01) + tone(2100.0, 0.08)
    power = spectral_frames.power(samples, RATE_HZ, TIMES)
    differences = spectral_frames.harmonic_differences(power, RATE_HZ, f0_hz, f3_hz)
    np.testing.assert_allclose(differences[:, 0], 6.02, atol=0.5)
    np.testing.assert_allclose(differences[:, 1], 20.0, atol=0.5)


def test_a_voice_that_falls_by_6_db_per_octave_has_its_harmonics_so_far_apart() -> None:
    """The stand-ins' derivation, on harmonics without formants."""
    phase = 2 * np.pi * 160.0 * np.arange(RATE_HZ // 2) / RATE_HZ
    samples = PRESSURE * 3000 * sum(np.sin(k * phase) / k for k in range(1, 25))
    values = follow(samples).values
    middle = steady(values["h1_h2_db"])
    np.testing.assert_allclose(middle, STAND_INS["h1_h2_db"], atol=0.5)
