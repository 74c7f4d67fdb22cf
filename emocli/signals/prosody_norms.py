"""Rate pitch, loudness, duration and slope relative to speaker and vowel, in five levels.

After VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270): a value is normalised by its
speaker, z = (x - mean) / SD, then by its vowel type, and compared with the quintiles of the data
that the norms were fitted on. The paper does not say how to treat speakers with few vowels or none,
nor how to compare pitch and loudness. Our choices:

- Statistics of n values weigh n / (n + 10) against those one level up: a speaker's against all
  speakers', a vowel's against its language's, a language's against all. A new speaker has none.
- Pitch is in semitones above a reference: a known speaker's median; else the nearer
  register, of low or high voices, to the utterance's median. So men and women share one scale.
- Norms without speakers (the shipped ones) cannot rate a recording's gain: loudness has no level,
  and a vowel's intensity is relative to its utterance's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Values = dict[str, float | None]
Fields = Mapping[str, Any]  # of `prosody`, or of one of its vowels
Table = Mapping[str, Mapping[str, Any]]  # quantity: mean, sd, count

FORMAT, VERSION = "emocli prosody norms", 1
PRIOR_COUNT = 10.0  # values that weigh as much as the statistics one level up
ANY = "*"

LEVELS = ("very low", "low", "moderate", "high", "very high")
UNCLEAR = "unclear"

# Levels and the fields that they rate; the units are in the norms.
VOWEL = {
    "slope": "f0_slope_st_per_s",
    "pitch_variation": "f0_sd_st",
    "intensity": "intensity_mean_db",
    "intensity_variation": "intensity_sd_db",
    "duration": "duration",
}
UTTERANCE = {
    "pitch_variation": "f0_sd_st",
    "loudness": "intensity_mean_db",
    "loudness_variation": "intensity_sd_db",
    "tempo": "articulation_rate_syll_per_s",
    "brightness": "alpha_ratio_db",
    "clarity": "hnr_db",
}
UNITS = {
    "slope": "semitones per second",
    "pitch": "semitones above the reference",
    "pitch_variation": "semitones",
    "intensity": "dB above 2e-5",
    "intensity_in_utterance": "dB above the utterance",
    "intensity_variation": "dB",
    "duration": "s",
    "loudness": "dB above 2e-5",
    "loudness_variation": "dB",
    "tempo": "syllables per second between pauses",
    "brightness": "dB of 1-5 kHz over 50-1000 Hz",
    "clarity": "dB of harmonics over noise",
    "pauses": "share of the duration",
}
# Fields that are kept for fitting.
UTTERANCE_FIELDS = ("f0_median_hz", "pause_total", "duration", *UTTERANCE.values())
VOWEL_FIELDS = ("phone", "f0_mean_hz", *VOWEL.values())

# Levels and fields that depend on the gain of a recording; the others do not.
LEVEL_DEPENDENT = ("intensity", "loudness")
LEVEL_DEPENDENT_FIELDS = ("intensity_mean_db",)


class Spread(NamedTuple):
    """Mean, standard deviation and count of values."""

    mean: float
    sd: float  # about the mean, over n
    n: int

    def z(self, value: float) -> float:
        """Return a value in standard deviations from the mean; 0 if the SD is 0."""
        return (value - self.mean) / self.sd if self.sd > 0 else 0.0


def spread(values: Sequence[float]) -> Spread:
    """Return mean, SD and count of at least one value."""
    array = np.asarray(values, float)
    return Spread(float(array.mean()), float(array.std()), len(array))


def shrunk(estimate: Spread | None, prior: Spread) -> Spread:
    """Shrink an estimate towards a prior, the more the fewer values it has.

    >>> shrunk(Spread(2.0, 1.0, 10), Spread(0.0, 3.0, 1000))
    Spread(mean=1.0, sd=2.0, n=10)
    """
    if estimate is None:
        return prior
    weight = estimate.n / (estimate.n + PRIOR_COUNT)
    mean, sd = (weight * a + (1 - weight) * b for a, b in zip(estimate[:2], prior[:2], strict=True))
    return Spread(mean, sd, estimate.n)


def semitones(hertz: float, reference_hz: float) -> float:
    """Return the interval 12 log2(f / reference)."""
    return 12 * math.log2(hertz / reference_hz)


def nearest(registers_hz: Sequence[float], hertz: float) -> float:
    """Return the register that is fewest semitones away."""
    return min(registers_hz, key=lambda register: abs(math.log2(hertz / register)))


def utterance_values(prosody: Fields, reference_hz: float | None) -> Values:
    """Return the values that are rated in an utterance, from the fields of `prosody`."""
    values: Values = {"pitch": _pitch(prosody.get("f0_median_hz"), reference_hz)}
    values |= {name: prosody.get(field) for name, field in UTTERANCE.items()}
    silent, seconds = prosody.get("pause_total"), prosody.get("duration")
    return values | {"pauses": silent / seconds if silent is not None and seconds else None}


def vowel_values(vowel: Fields, prosody: Fields, reference_hz: float | None) -> Values:
    """Return the values that are rated in a vowel of an utterance."""
    values: Values = {"pitch": _pitch(vowel.get("f0_mean_hz"), reference_hz)}
    values |= {name: vowel.get(field) for name, field in VOWEL.items()}
    vowel_db, utterance_db = vowel.get("intensity_mean_db"), prosody.get("intensity_mean_db")
    relative = (
        vowel_db - utterance_db if vowel_db is not None and utterance_db is not None else None
    )
    return values | {"intensity_in_utterance": relative}


def _pitch(hertz: float | None, reference_hz: float | None) -> float | None:
    return semitones(hertz, reference_hz) if hertz and reference_hz else None


def same_language(language: Any) -> str:
    """Return a language without its country, "" for none.

    >>> same_language("en-US")
    'en'
    """
    return language.replace("_", "-").partition("-")[0].lower() if isinstance(language, str) else ""


class Norms:
    """Norms as they stand in their file."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self.registers_hz: list[float] = content["registers_hz"]
        self.speakers: Mapping[str, Any] = content["speakers"]

    def knows(self, speaker: str | None) -> bool:
        """Say whether a speaker was among those the norms were fitted on."""
        return speaker in self.speakers

    def reference_hz(self, speaker: str | None, f0_median_hz: float | None) -> float | None:
        """Return the reference of a speaker's pitch; None if it is unknown."""
        if speaker is not None and speaker in self.speakers:
            return float(self.speakers[speaker]["reference_hz"])
        if not f0_median_hz or not self.registers_hz:
            return None
        return nearest(self.registers_hz, f0_median_hz)

    def utterance(self, prosody: Fields, speaker: str | None = None) -> dict[str, str | None]:
        """Return the levels of an utterance from the fields of `prosody`."""
        reference_hz = self.reference_hz(speaker, prosody.get("f0_median_hz"))
        values = utterance_values(prosody, reference_hz)
        levels = {
            name: self._level("utterance", name, self.z("utterance", name, value, speaker))
            for name, value in values.items()
        }
        return levels if self.speakers else levels | {"loudness": None}

    def vowel(
        self, vowel: Fields, prosody: Fields, speaker: str | None = None, language: str = ""
    ) -> dict[str, str | None]:
        """Return the levels of a vowel (its fields, with `phone`) in an utterance."""
        reference_hz = self.reference_hz(speaker, prosody.get("f0_median_hz"))
        values = vowel_values(vowel, prosody, reference_hz)
        relative = values.pop("intensity_in_utterance")
        levels = {}
        for name, value in values.items():
            quantity = name
            if name == "intensity" and not self.speakers:
                quantity, value = "intensity_in_utterance", relative
            z = self.z("vowel", quantity, value, speaker)
            if z is not None:
                z = self.of_type(quantity, vowel.get("phone"), language).z(z)
            levels[name] = self._level("vowel", quantity, z)
        return {name: levels[name] for name in ("slope", "pitch", *levels) if name in levels}

    def z(self, unit: str, name: str, value: float | None, speaker: str | None) -> float | None:
        """Return a value normalised by its speaker; None if it or its norm is unknown."""
        corpus = _read(self.content["corpus"][unit], name)
        if value is None or corpus is None:
            return None
        known = self.speakers.get(speaker, {}).get(unit, {}) if speaker is not None else {}
        return shrunk(_read(known, name), corpus).z(value)

    def of_type(self, name: str, phone: str | None, language: str) -> Spread:
        """Return the distribution of z for a vowel type."""
        types = self.content["vowel_types"]
        distribution = _read(types[ANY].get(ANY, {}), name) or Spread(0.0, 1.0, 0)
        table = types.get(language) or types[ANY]
        if language in types:
            distribution = shrunk(_read(table[ANY], name), distribution)
        return shrunk(_read(table.get(phone, {}), name), distribution) if phone else distribution

    def _level(self, unit: str, name: str, z: float | None) -> str | None:
        """Return the word for a normalised value; None where the norms have no edges for it."""
        edges = self.content["edges"][unit].get(name)
        if edges is None:
            return None
        return UNCLEAR if z is None else LEVELS[int(np.searchsorted(edges, z))]


def _read(table: Table, name: str) -> Spread | None:
    entry = table.get(name)
    return Spread(entry["mean"], entry["sd"], entry["count"]) if entry else None
