from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import parselmouth
import pytest

from emocli.errors import RecordError
from emocli.signals import prosody, speech_rate, tracks, voice_quality
from emocli.signals.prosody import describe
from tests.signals.voices import FORMANTS_HZ, Vowel, said

RATE_HZ = 16_000
LEVELS = {"intensity_mean_db"}  # what may change with the gain
SETTINGS = {"pitch_floor_hz", "pitch_ceiling_hz", "praat", "parselmouth"}
# Defined for every recording; the rest is None where nobody speaks.
ALWAYS = {"duration", "voiced_fraction", *SETTINGS}


def glottal(f0_hz: np.ndarray, level: float = 0.2) -> np.ndarray:
    """Harmonics of a pitch track (time,) that fall by 6 dB per octave, up to 4 kHz."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    orders = range(1, int(4000 / f0_hz.max()) + 1)
    return level * sum(np.sin(k * phase) / k for k in orders)


def vowel(f0_hz: float = 150.0, seconds: float = 1.0, level: float = 0.2) -> np.ndarray:
    return glottal(np.full(round(seconds * RATE_HZ), f0_hz), level)


def syllables(count: int, per_second: float = 4.0) -> np.ndarray:
    """Vowels whose loudness goes up and down by 20 dB, `per_second` times."""
    time = np.arange(round(count / per_second * RATE_HZ)) / RATE_HZ
    loudness_db = -10 - 10 * np.cos(2 * np.pi * per_second * time)
    return vowel(150.0, count / per_second) * 10 ** (loudness_db / 20)


@pytest.mark.parametrize("f0_hz", [80.0, 120.0, 220.0, 350.0])
def test_a_steady_vowel_has_its_pitch_within_one_percent(f0_hz: float) -> None:
    figures = describe(vowel(f0_hz))
    assert figures["f0_mean_hz"] == pytest.approx(f0_hz, rel=0.01)
    assert figures["f0_median_hz"] == pytest.approx(f0_hz, rel=0.01)
    assert figures["f0_sd_st"] < 0.1
    assert figures["f0_range_st"] < 0.2
    assert abs(figures["f0_slope_st_per_s"]) < 0.1
    assert figures["voiced_fraction"] > 0.95


@pytest.mark.parametrize("slope", [-12.0, -4.0, 4.0, 12.0])
def test_a_glide_has_its_slope_within_five_percent(slope: float) -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    figures = describe(glottal(200 * 2 ** (slope * (time - 0.5) / 12)))
    assert figures["f0_slope_st_per_s"] == pytest.approx(slope, rel=0.05)
    assert figures["f0_range_st"] == pytest.approx(0.9 * abs(slope), rel=0.05)  # q95 - q05
    assert figures["f0_sd_st"] == pytest.approx(abs(slope) / math.sqrt(12), rel=0.05)  # uniform


@pytest.mark.parametrize("level", [0.5, 0.1, 0.01])
def test_a_sine_has_its_level_within_half_a_decibel(level: float) -> None:
    sine = level * np.sin(2 * np.pi * 200 * np.arange(RATE_HZ) / RATE_HZ)
    expected = 20 * math.log10(level / math.sqrt(2) / 2e-5)
    assert describe(sine)["intensity_mean_db"] == pytest.approx(expected, abs=0.5)


def test_half_the_level_changes_the_level_and_nothing_else() -> None:
    full = syllables(8) + np.random.default_rng(0).normal(0, 1e-3, 2 * RATE_HZ)
    loud, soft = describe(full), describe(full / 2)
    assert soft["intensity_mean_db"] == pytest.approx(loud["intensity_mean_db"] - 6.02, abs=0.01)
    for name in loud.keys() - LEVELS - SETTINGS - {"vowel_rate_per_s"}:
        assert soft[name] == pytest.approx(loud[name], rel=1e-3, abs=1e-3), name


def test_silence_is_undefined_and_not_a_number_never_appears() -> None:
    figures = describe(np.zeros(RATE_HZ))
    assert figures["voiced_fraction"] == 0
    assert {name for name, value in figures.items() if value is not None} == ALWAYS


def test_noise_has_a_level_but_no_pitch() -> None:
    figures = describe(np.random.default_rng(0).normal(0, 0.1, 2 * RATE_HZ))
    assert figures["f0_mean_hz"] is None
    assert figures["hnr_db"] is None
    assert figures["speech_rate_syll_per_s"] == 0
    assert figures["intensity_mean_db"] == pytest.approx(20 * math.log10(0.1 / 2e-5), abs=0.5)


def test_every_value_is_finite_or_none() -> None:
    random = np.random.default_rng(1)
    for samples in (random.normal(0, 1e-5, 4000), np.eye(1, 8000)[0], np.ones(8000), vowel()):
        for name, value in describe(samples).items():
            assert value is None or isinstance(value, str) or math.isfinite(value), name


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.09])
def test_below_a_tenth_of_a_second_is_too_short(seconds: float) -> None:
    with pytest.raises(RecordError, match="too short") as caught:
        describe(np.zeros(round(seconds * RATE_HZ)))
    assert caught.value.code == "too_short"


def test_a_tenth_of_a_second_is_enough() -> None:
    assert describe(vowel(200.0, seconds=0.1))["f0_mean_hz"] == pytest.approx(200, rel=0.01)


def test_noise_of_known_power_gives_that_harmonicity() -> None:
    random = np.random.default_rng(0)
    for ratio_db in (10.0, 20.0, 30.0):
        voice = vowel(200.0, seconds=2.0)
        noise = random.normal(0, 1, len(voice))
        noise *= voice.std() / 10 ** (ratio_db / 20)
        assert describe(voice + noise)["hnr_db"] == pytest.approx(ratio_db, abs=1.0)


def test_a_steady_voice_has_no_jitter_and_a_shaken_one_has_its_own() -> None:
    assert describe(vowel())["jitter_local"] < 0.002
    assert describe(vowel())["shimmer_local_db"] < 0.1
    periods = 100 + np.random.default_rng(0).integers(-3, 4, 200)  # samples
    expected = np.abs(np.diff(periods)).mean() / periods.mean()
    pulses = np.zeros(periods.sum())
    pulses[np.cumsum(periods)[:-1]] = 0.5
    shape = np.exp(-np.arange(80) / 10.0) * np.sin(np.arange(80) / 3.0)
    figures = describe(np.convolve(pulses, shape)[: len(pulses)])
    assert figures["jitter_local"] == pytest.approx(expected, rel=0.15)


def test_brighter_sound_has_a_higher_alpha_ratio() -> None:
    voice = vowel(200.0)
    bright = np.append(voice[0], np.diff(voice))  # +6 dB per octave
    by_hand = describe(voice)["alpha_ratio_db"]
    assert describe(bright)["alpha_ratio_db"] > by_hand + 10
    orders = np.arange(1, 21)
    power = 1.0 / orders**2
    low, high = power[orders * 200 < 1000].sum(), power[orders * 200 > 1000].sum()
    low += power[4] / 2  # the harmonic at 1000 Hz lies on the border
    high += power[4] / 2
    assert by_hand == pytest.approx(10 * math.log10(high / low), abs=1.0)


@pytest.mark.parametrize(("order", "tilt"), [(1, -6.02), (2, -12.04)])
@pytest.mark.parametrize("f0_hz", [100.0, 250.0])
def test_the_spectrum_falls_by_what_the_source_does(order: int, tilt: float, f0_hz: float) -> None:
    phase = 2 * np.pi * f0_hz * np.arange(RATE_HZ) / RATE_HZ
    voice = sum(np.sin(k * phase) / k**order for k in range(1, int(5000 / f0_hz)))
    noise = np.random.default_rng(0).normal(0, 1e-6, RATE_HZ)
    assert describe(0.2 * voice + noise)["spectral_tilt_db_per_octave"] == pytest.approx(
        tilt, abs=1.0
    )


def test_the_formants_of_an_utterance_are_those_of_its_voice() -> None:
    samples, _ = said([Vowel(120.0, seconds=0.3, phone="ɛ"), Vowel(120.0, seconds=0.3, phone="i")])
    figures = describe(samples)
    for number, name in enumerate(prosody.FORMANTS):
        hertz = (FORMANTS_HZ["ɛ"][number] + FORMANTS_HZ["i"][number]) / 2
        assert figures[name] == pytest.approx(hertz, rel=0.08), name


def test_vowels_are_counted_over_the_time_between_pauses() -> None:
    samples, spans = said([Vowel(seconds=0.2)] * 6, gap_s=0.1)
    utterance = prosody.measure(samples, RATE_HZ, spans)[0]
    assert utterance["vowel_rate_per_s"] == pytest.approx(6 / 1.7, rel=0.1)
    assert describe(samples)["vowel_rate_per_s"] is None


@pytest.mark.parametrize("per_second", [3.0, 5.0])
def test_syllables_are_counted(per_second: float) -> None:
    figures = describe(syllables(12, per_second))
    assert figures["speech_rate_syll_per_s"] == pytest.approx(per_second, rel=0.1)
    assert figures["pause_count"] == 0


def test_pauses_are_counted_inside_and_not_at_the_edges() -> None:
    def quiet(seconds: float) -> np.ndarray:
        return np.random.default_rng(0).normal(0, 1e-4, round(seconds * RATE_HZ))

    text = [quiet(0.6), vowel(), quiet(0.5), vowel(), quiet(0.15), vowel(), quiet(0.6)]
    figures = describe(np.concatenate(text))
    assert figures["pause_count"] == 1
    assert figures["pause_total"] == pytest.approx(0.5, abs=0.12)  # the window is 0.13 s wide
    assert figures["articulation_rate_syll_per_s"] > figures["speech_rate_syll_per_s"]


def test_the_pitch_range_is_the_speakers_own() -> None:
    assert prosody.pitch_range(vowel(100.0)) == pytest.approx((75, 250), rel=0.01)
    assert prosody.pitch_range(vowel(400.0)) == pytest.approx((300, 800), rel=0.01)
    assert prosody.pitch_range(np.zeros(RATE_HZ)) == (60, 700)


def test_windows_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    time = np.arange(8 * RATE_HZ) / RATE_HZ
    waveform = glottal(150 + 30 * np.sin(2 * np.pi * 0.3 * time)) * np.tile(
        np.hanning(RATE_HZ // 4) + 0.05, 32
    )
    waveform += random.normal(0, 1e-3, len(waveform))
    full = describe(waveform)
    monkeypatch.setattr(tracks, "WINDOW_S", 2.0)
    parts = describe(waveform)
    for name in ("f0_mean_hz", "f0_sd_st", "hnr_db", "alpha_ratio_db", "jitter_local"):
        assert parts[name] == pytest.approx(full[name], rel=0.1), name
    assert parts["intensity_mean_db"] == pytest.approx(full["intensity_mean_db"], abs=0.5)
    assert parts["speech_rate_syll_per_s"] == pytest.approx(full["speech_rate_syll_per_s"], rel=0.1)


def test_memory_does_not_grow_with_the_recording() -> None:
    def peak(minutes: int) -> int:
        samples = np.zeros(minutes * 60 * RATE_HZ, np.float32)
        tracemalloc.start()
        describe(samples)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return memory

    a_minute = 60 * RATE_HZ * 8  # bytes of samples as Praat takes them
    assert peak(8) - peak(4) < 0.25 * a_minute  # what grows are the tracks


def test_results_are_the_same_every_time() -> None:
    samples = syllables(6) + np.random.default_rng(0).normal(0, 1e-3, 24_000)
    assert describe(samples) == describe(samples)


def test_of_two_peaks_without_a_dip_the_louder_one_counts() -> None:
    times = np.arange(8) / 100
    intensity_db = np.array([50.0, 60, 59.5, 61, 50, 60, 50, 50])
    voiced = np.ones(8, bool)
    figures: Callable[..., np.ndarray] = speech_rate.nuclei
    np.testing.assert_allclose(figures(times, intensity_db, times, voiced), [0.03, 0.05])
    voiced[5] = False
    np.testing.assert_allclose(figures(times, intensity_db, times, voiced), [0.03])
    assert not len(figures(times, intensity_db, np.zeros(0), np.zeros(0, bool)))
    assert not len(speech_rate.sounding(np.zeros(0)))


def test_a_spectrum_with_too_few_bands_has_no_tilt() -> None:
    tilt = voice_quality.tilt_db_per_octave
    assert tilt(np.ones(257), RATE_HZ, 1500.0) is None  # only one octave band below 5 kHz
    assert tilt(np.zeros(257), RATE_HZ, 200.0) is None
    assert tilt(np.ones(257), RATE_HZ, None) is None
    assert tilt(np.ones(257), RATE_HZ, 200.0) == pytest.approx(0.0, abs=1e-9)


def test_a_voice_too_short_for_its_pitch_has_no_harmonicity() -> None:
    sound = parselmouth.Sound(vowel(seconds=0.03), RATE_HZ)
    ratios = voice_quality.harmonicity(sound, 60.0, np.array([0.0, 0.01]), np.array([True, False]))
    assert ratios.shape == (2, 0)


def test_the_intensity_is_of_the_sounding_part() -> None:
    sine = 0.1 * np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000)
    alone = describe(sine)["intensity_mean_db"]
    for silence in (np.zeros(32_000), np.random.default_rng(0).normal(0, 1e-4, 32_000)):
        with_pauses = describe(np.concatenate([silence, sine, silence]))
        assert with_pauses["intensity_mean_db"] == pytest.approx(alone, abs=0.5)  # not 7 dB less
