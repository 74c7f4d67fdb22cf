"""Functionals: what a voice was made with, and never anything undefined."""

from __future__ import annotations

import numpy as np
import pytest

from emocli.signals.contour_features import STAND_INS, follow
from emocli.signals.functionals import describe, vector
from tests.signals.voices import RATE_HZ, Vowel, said, sound


def test_pitch_and_loudness_are_summed_up_as_numpy_does() -> None:
    samples, _ = said([Vowel(seconds=0.3), Vowel(f0_hz=220.0, slope_st_per_s=10, seconds=0.3)])
    figures, contours = describe(samples), follow(samples)
    pitch = contours.values["f0_st"][contours.voiced]
    assert figures["f0_st_mean"] == pytest.approx(pitch.mean())
    assert figures["f0_st_sd"] == pytest.approx(pitch.std())
    low, middle, high = np.percentile(pitch, (20, 50, 80))
    assert figures["f0_st_p20"] == pytest.approx(low)
    assert figures["f0_st_p50"] == pytest.approx(middle)
    assert figures["f0_st_range"] == pytest.approx(high - low)


@pytest.mark.parametrize("slope", [-12.0, 12.0])
def test_a_glide_has_its_trend_and_rises_or_falls_alone(slope: float) -> None:
    figures = describe(sound(Vowel(f0_hz=200.0, slope_st_per_s=slope, seconds=1.0)))
    assert figures["f0_st_trend_per_s"] == pytest.approx(slope, rel=0.05)
    moving, other = ("rise", "fall") if slope > 0 else ("fall", "rise")
    assert figures[f"f0_st_{moving}_mean"] == pytest.approx(slope, rel=0.1)
    assert abs(figures[f"f0_st_{other}_mean"]) < 3  # the edges, if at all
    assert figures["f0_st_mean"] == pytest.approx(12 * np.log2(200 / 27.5), abs=0.2)
    assert figures["f0_st_sd"] == pytest.approx(abs(slope) / np.sqrt(12), rel=0.1)  # uniform


def test_stretches_gaps_and_rates_are_those_of_what_is_said() -> None:
    samples, spans = said([Vowel(seconds=0.2)] * 4, gap_s=0.1)
    figures = describe(samples)
    seconds = len(samples) / RATE_HZ
    assert figures["voiced_stretches_per_s"] == pytest.approx(4 / seconds, rel=0.02)
    assert figures["syllables_per_s"] == pytest.approx(4 / seconds, rel=0.02)
    assert figures["voiced_share"] == pytest.approx(0.8 / seconds, abs=0.06)
    assert figures["voiced_s_mean"] == pytest.approx(0.2, abs=0.03)
    assert figures["voiced_s_sd"] < 0.02
    assert figures["gap_s_mean"] == pytest.approx(spans[1][0] - spans[0][1], abs=0.03)
    assert figures["pause_share"] == 0


def test_level_is_that_of_the_samples() -> None:
    tone = 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 200 * np.arange(RATE_HZ) / RATE_HZ)
    assert describe(tone)["level_dbfs"] == pytest.approx(-20.0, abs=0.01)
    assert describe(np.zeros(RATE_HZ // 2))["level_dbfs"] == -120.0


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE_HZ // 2, np.float32),
        np.ones(RATE_HZ // 10, np.float32),
        np.random.default_rng(0).normal(0, 0.1, RATE_HZ // 2).astype(np.float32),
        np.random.default_rng(0).normal(0, 1e-5, RATE_HZ // 10).astype(np.float32),
    ],
)
def test_without_a_voice_means_are_stand_ins_and_spreads_are_0(samples: np.ndarray) -> None:
    figures = describe(samples)
    assert np.isfinite(list(figures.values())).all()
    assert figures["voiced_share"] == 0
    assert figures["f0_st_mean"] == figures["f0_st_p80"] == pytest.approx(STAND_INS["f0_st"])
    assert figures["f1_hz_mean"] == STAND_INS["f1_hz"]
    assert figures["voiced_hnr_db_mean"] == 0
    for name in ("f0_st_sd", "f0_st_range", "f0_st_trend_per_s", "f1_hz_sd_over_mean"):
        assert figures[name] == 0
    assert figures["jitter_local"] == figures["shimmer_local_db"] == 0


def test_a_voice_throughout_has_nothing_voiceless_and_is_finite() -> None:
    figures = describe(sound(Vowel(seconds=0.1)))
    assert np.isfinite(list(figures.values())).all()


def test_the_vector_has_the_same_names_whatever_is_said() -> None:
    voice, silence = describe(sound(Vowel(seconds=0.3))), describe(np.zeros(RATE_HZ // 4))
    assert list(voice) == list(silence)
    assert len(voice) == 109
    functionals = vector(sound(Vowel(seconds=0.3)))
    assert functionals.dtype == np.float32
    np.testing.assert_allclose(functionals, list(voice.values()), rtol=1e-6)


def test_loudness_of_the_recording_moves_levels_alone() -> None:
    samples, _ = said([Vowel(seconds=0.3), Vowel(phone="i", seconds=0.3)], noise_db=45.0)
    loud, quiet = describe(samples), describe(samples / 10)
    for name in loud:
        is_level = name == "level_dbfs" or name in {
            f"intensity_db_{what}" for what in ("mean", "p20", "p50", "p80")
        }
        assert loud[name] - quiet[name] == pytest.approx(20.0 * is_level, abs=0.05), name


def test_a_voice_with_noise_is_less_harmonic_and_brighter() -> None:
    clean = sound(Vowel(seconds=0.6))
    noise = np.random.default_rng(0).normal(0, np.std(clean) * 0.3, len(clean))
    before, after = describe(clean), describe(clean + noise)
    assert after["voiced_hnr_db_mean"] < before["voiced_hnr_db_mean"] - 5
    assert after["voiced_alpha_ratio_db_mean"] > before["voiced_alpha_ratio_db_mean"] + 1
    assert after["voiced_hammarberg_db_mean"] < before["voiced_hammarberg_db_mean"]
