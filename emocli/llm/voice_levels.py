"""The measured levels of a voice, as thoughts cite them: of the utterance, and of its vowels.

The words are those of `emocli prosody`; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Levels = Mapping[str, str]

LEVELS = ("very low", "low", "moderate", "high", "very high")
UNCLEAR = "unclear"
MODERATE = LEVELS.index("moderate")
# Levels that are said in words of their own, from very low to very high.
TEMPO = ("very slow", "slow", "moderate", "fast", "very fast")
BRIGHTNESS = ("very dull", "dull", "moderately bright", "bright", "very bright")
CLARITY = ("very noisy", "noisy", "moderately clear", "clear", "very clear")
DEGREES = ("very little", "little", "moderately", "much", "very much")  # "loudness varies ..."
UTTERANCE = (
    "pitch", "pitch_variation", "loudness", "loudness_variation", "tempo", "brightness", "clarity",
)  # fmt: skip
VOWEL = ("slope", "pitch", "pitch_variation", "intensity", "intensity_variation", "duration")
PAUSES = "pauses"  # a number, not a level


class Vowel(NamedTuple):
    """The name of a vowel: its IPA, its word, and its start in seconds, where they are known."""

    phone: str | None = None
    word: str | None = None
    start: float | None = None

    def __str__(self) -> str:
        """Return the name as the description of the voice has it.

        >>> str(Vowel("æ", "happy", 0.5)), str(Vowel(None, None, 0.514))
        ('/æ/ in "happy"', 'vowel at 0.51 s')
        """
        sound = f"/{self.phone}/" if self.phone else "vowel"
        return f'{sound} in "{self.word}"' if self.word else f"{sound} at {self.start or 0:.2f} s"


class Measured(NamedTuple):
    """What was measured: the levels of the utterance, of each vowel, and the number of pauses."""

    utterance: Levels
    vowels: Sequence[tuple[Vowel, Levels]] = ()
    pauses: int | None = None


def distance(level: str | None) -> int:
    """Return how many levels a level is from moderate, 0 for one that is unclear or absent.

    >>> distance("very low"), distance("moderate"), distance("unclear")
    (2, 0, 0)
    """
    return abs(LEVELS.index(level) - MODERATE) if level in LEVELS else 0


def unusual(measured: Measured) -> tuple[int, int]:
    """Return how many levels are not moderate: of the utterance, of its vowels."""
    utterance = sum(distance(measured.utterance.get(field)) > 0 for field in UTTERANCE)
    vowels = sum(
        distance(levels.get(field)) > 0 for _, levels in measured.vowels for field in VOWEL
    )
    return utterance, vowels
