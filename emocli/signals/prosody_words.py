"""Describe prosody for a language model, in English with a fixed vocabulary.

One clause per vowel in the order of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270):
the vowel in IPA and its word, slope, pitch level with variation, intensity level with variation,
duration. The paper's exact wording is not published; this one is ours. The sentence about the
utterance is ours as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emocli.signals.prosody_norms import LEVELS, UNCLEAR

Levels = Mapping[str, str | None]

TEMPO = ("very slow", "slow", "moderate", "fast", "very fast")
BRIGHTNESS = ("very dull", "dull", "moderately bright", "bright", "very bright")
DEGREE = ("very little", "little", "moderately", "much", "very much")
CLARITY = ("very noisy", "noisy", "moderately clear", "clear", "very clear")


def description(vowels: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a clause for each vowel (`phone`, `word`, `start`, `levels`), None without vowels."""
    clauses = [f"{name(vowel)}: {clause(vowel['levels'])}" for vowel in vowels]
    return "; ".join(clauses) + "." if clauses else None


def name(vowel: Mapping[str, Any]) -> str:
    """Return the name of a vowel: its IPA and its word; without them, its start.

    >>> name({"phone": "æ", "word": "happy", "start": 0.5})
    '/æ/ in "happy"'
    >>> name({"phone": None, "word": None, "start": 0.514})
    'vowel at 0.51 s'
    """
    phone, word = (" ".join(str(vowel.get(field) or "").split()) for field in ("phone", "word"))
    sound = f"/{phone}/" if phone else "vowel"
    return f'{sound} in "{word}"' if word else f"{sound} at {vowel['start']:.2f} s"


def clause(levels: Levels) -> str:
    """Return the description of one vowel."""
    parts = []
    if levels.get("pitch") in (None, UNCLEAR):
        parts.append("unclear pitch")
    else:
        parts.append(f"{levels['slope'] or UNCLEAR} slope")
        parts.append(_varying(levels, "pitch"))
    parts.append(_varying(levels, "intensity"))
    parts.append(f"{levels['duration'] or UNCLEAR} duration")
    return ", ".join(parts)


def _varying(levels: Levels, name: str) -> str:
    """Return a level with its variation, if known."""
    level = f"{levels.get(name) or UNCLEAR} {name}"
    variation = levels.get(f"{name}_variation")
    return f"{level} with {variation} variation" if variation in LEVELS else level


def summary(levels: Levels, prosody: Mapping[str, Any]) -> str:
    """Return one sentence about an utterance: its levels, and pauses from `prosody`."""
    if prosody.get("pause_count") is None:
        return "Nothing is heard."
    if levels.get("pitch") in (None, UNCLEAR):
        parts = ["Pitch is unclear"]
    else:
        parts = [f"Pitch is {levels['pitch']}{_with(levels['pitch_variation'])}"]
    parts += _loudness(levels)
    parts += [f"tempo is {_word(TEMPO, levels['tempo'])}"] if levels.get("tempo") else []
    parts += _voice(levels)
    return f"{', '.join(parts)}, {_pauses(prosody)}."


def _loudness(levels: Levels) -> list[str]:
    """Return the loudness; with norms that cannot rate it, only its variation."""
    variation = levels.get("loudness_variation")
    if levels.get("loudness") in LEVELS:
        return [f"loudness is {levels['loudness']}{_with(variation)}"]
    return [f"loudness varies {_word(DEGREE, variation)}"] if variation in LEVELS else []


def _with(variation: str | None) -> str:
    return f" with {variation} variation" if variation in LEVELS else ""


def _voice(levels: Levels) -> list[str]:
    scales = {"brightness": BRIGHTNESS, "clarity": CLARITY}
    qualities = [
        _word(words, levels[name]) for name, words in scales.items() if levels.get(name) in LEVELS
    ]
    return [f"the voice is {' and '.join(qualities)}"] if qualities else []


def _word(words: Sequence[str], level: str | None) -> str:
    return words[LEVELS.index(level)] if level in LEVELS else UNCLEAR


def _pauses(prosody: Mapping[str, Any]) -> str:
    """Return the number of pauses and their total duration.

    >>> _pauses({"pause_count": 2, "pause_total": 0.92})
    'with 2 pauses (0.9 s in all)'
    """
    count, seconds = prosody["pause_count"], prosody["pause_total"]
    if not count:
        return "without pauses"
    return (
        f"with {count} pauses ({seconds:.1f} s in all)"
        if count > 1
        else f"with a pause ({seconds:.1f} s)"
    )
