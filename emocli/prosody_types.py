"""The shape of `prosody` in a record; what each figure is stands in the help of the command."""

from __future__ import annotations

from typing import Any, TypedDict


class Vowel(TypedDict, total=False):
    """One vowel as it is said; `phone` in IPA, null for a syllable without a text."""

    phone: str | None
    word: str | None
    start: float
    end: float
    stress: int | None
    duration: float
    f0_mean_hz: float
    f0_slope_st_per_s: float
    f0_sd_st: float
    f0_range_st: float
    intensity_mean_db: float
    intensity_sd_db: float
    f1_hz: float
    f2_hz: float
    f3_hz: float
    levels: dict[str, str | None]


class Prosody(TypedDict, total=False):
    """How an utterance is said, in figures, in levels and in words."""

    duration: float
    f0_mean_hz: float
    f0_median_hz: float
    f0_sd_st: float
    f0_range_st: float
    f0_slope_st_per_s: float
    voiced_fraction: float
    intensity_mean_db: float
    intensity_sd_db: float
    intensity_range_db: float
    speech_rate_syll_per_s: float
    articulation_rate_syll_per_s: float
    pause_count: int | None
    pause_total: float
    vowel_rate_per_s: float
    jitter_local: float
    shimmer_local_db: float
    hnr_db: float
    alpha_ratio_db: float
    spectral_tilt_db_per_octave: float
    f1_mean_hz: float
    f2_mean_hz: float
    f3_mean_hz: float
    pitch_floor_hz: float
    pitch_ceiling_hz: float
    praat: str
    parselmouth: str
    vowels: list[Vowel]
    levels: dict[str, str | None]
    summary: str
    description: str | None
    norms: dict[str, Any]
