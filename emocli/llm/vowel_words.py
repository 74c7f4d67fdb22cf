"""The vowels of an utterance in few words: what is very unusual of each, and nothing else.

`emocli prosody` describes every level of every vowel, as VowelPrompt does (Wang et al. 2026,
https://arxiv.org/abs/2602.06270): some 200 tokens for two seconds of speech, of which a small
model learns little. Our choices: only levels two steps from moderate are told, in the words below,
under the word of the vowel. That is 40 % of the levels in 60 tokens, from which a regression tells
emotions as well as from all of them (examples/vowel_levels.py). What is said of a level is read
back by `emocli.llm.citations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emocli.llm.voice_levels import LEVELS, VOWEL, Levels, Vowel, distance

# From very low to very high; slope and pitch are said with their names: "very low slope".
ADJECTIVES = {
    "pitch_variation": ("very flat", "flat", "moderately lively", "lively", "very lively"),
    "intensity": ("very soft", "soft", "moderately loud", "loud", "very loud"),
    "intensity_variation": ("very even", "even", "moderately uneven", "uneven", "very uneven"),
    "duration": ("very short", "short", "moderately long", "long", "very long"),
}
FAR = 2  # from moderate: what is told
NOTHING = "nothing unusual."


def terse(vowels: Sequence[tuple[Vowel, Levels]]) -> str | None:
    """Return what is very unusual of each vowel, None without vowels.

    >>> happy = {"slope": "low", "pitch": "very high", "duration": "very low"}
    >>> terse([(Vowel("æ", "happy"), happy), (Vowel("i", "happy"), {"pitch": "high"})])
    '"happy": very high pitch very short.'
    """
    if not vowels:
        return None
    clauses = [
        f"{name(vowel)}: {' '.join(told)}" for vowel, levels in vowels if (told := [*of(levels)])
    ]
    return f"{'; '.join(clauses)}." if clauses else NOTHING


def of(levels: Levels) -> Iterator[str]:
    """Yield what is very unusual of a vowel, in the order of its description."""
    for field in VOWEL:
        level = levels.get(field)
        if level is not None and distance(level) >= FAR:
            yield said(field, level)


def said(field: str, level: str) -> str:
    """Return the words for a level of a vowel.

    >>> said("pitch", "very high"), said("intensity", "very low")
    ('very high pitch', 'very soft')
    """
    words = ADJECTIVES.get(field)
    return words[LEVELS.index(level)] if words else f"{level} {field}"


def name(vowel: Vowel) -> str:
    """Return the short name of a vowel: its word; without one, its start.

    >>> name(Vowel("æ", "happy", 0.5)), name(Vowel(None, None, 0.514))
    ('"happy"', 'vowel at 0.51 s')
    """
    word = vowel.word
    if word is None:
        return str(Vowel(None, None, vowel.start))
    return f'"{word}"' if " " not in word else str(Vowel(None, word))
