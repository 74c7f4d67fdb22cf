"""The options of a speech-to-text network for a window of audio, and its result.

Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision",
https://arxiv.org/abs/2212.04356; its thresholds detect guesses, repetitions and silence.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Word = dict[str, Any]  # text, start, end, probability

COMPRESSION_RATIO = 2.4  # above it a text repeats itself (paper, section 4.5)
LOG_PROBABILITY = -1.0  # mean over tokens; below it a text is a guess (paper, section 4.5)
NO_SPEECH = 0.6  # above it, if the text is a guess, nobody speaks (paper, section 4.5)


class Detected(NamedTuple):
    """The language that is spoken (Whisper's code of it), and its probability."""

    language: str
    probability: float


FAVOUR = 3.0  # prior odds of a favoured language; our choice


def detected(shares: Mapping[str, float], favoured: str | None) -> Detected:
    """Return the likeliest language by Whisper's probabilities; `favoured` has prior odds of 3.

    More would take Polish for English: `examples/languages.py`.

    >>> detected({"th": 0.68, "en": 0.25}, "en").language
    'en'
    >>> detected({"th": 0.68, "en": 0.25}, None)
    Detected(language='th', probability=0.68)
    """
    odds = {name: p * (FAVOUR if name == favoured else 1.0) for name, p in shares.items()}
    best = max(odds, key=odds.__getitem__)
    return Detected(best, odds[best] / sum(odds.values()) if favoured else shares[best])


@dataclass(frozen=True)
class Decoded:
    """The result of one window; times of words are from the start of the window."""

    text: str
    words: list[Word]
    log_probability: float
    no_speech_probability: float
    is_timed: bool = True  # else the words share the window evenly

    @property
    def is_silence(self) -> bool:
        """Whether Whisper itself predicts that nobody speaks."""
        unsure = self.log_probability < LOG_PROBABILITY
        return not self.text.strip() or (unsure and self.no_speech_probability > NO_SPEECH)

    @property
    def is_good(self) -> bool:
        """Whether the text is neither a guess nor a repetition; silence counts as good."""
        data = self.text.encode()
        repeats = len(data) / len(zlib.compress(data)) > COMPRESSION_RATIO
        return self.is_silence or (self.log_probability >= LOG_PROBABILITY and not repeats)


@dataclass(frozen=True)
class DecodingOptions:
    """The language of the windows, the beam, and whether tokens may repeat."""

    language: str
    beam_size: int
    no_repeat_tokens: int = 0
