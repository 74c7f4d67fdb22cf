"""A short thought from the measured levels of a voice, all of it true.

VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270) trains on rationales that GPT-4o
wrote about the vowels. Ours come from a template, and say nothing that was not measured: what is
furthest from moderate, in the wording of the summary and of the description that `emocli prosody`
writes, so that a model can copy it from the question. They do not name the emotion. Our choices:
three statements about the utterance, of which each has one or two levels, and two about one vowel.
What a text cites is read by `emocli.llm.citations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from emocli.llm import vowel_words
from emocli.llm.voice_levels import (
    BRIGHTNESS,
    CLARITY,
    DEGREES,
    LEVELS,
    TEMPO,
    UNCLEAR,
    Levels,
    Measured,
    Vowel,
    distance,
)

TEMPLATED = "template"  # the source of such a rationale
STATEMENTS, OF_VOWEL = 3, 2


class Statement(NamedTuple):
    """A piece of a thought: its words, and how far its most unusual level is from moderate."""

    text: str
    distance: int


def thought(measured: Measured, *, vowels: bool = False, terse: bool = False) -> str | None:
    """Return a thought about an utterance, None where there is no level to tell.

    With `vowels` the most unusual vowel is told as well, with `terse` in the words of
    `emocli.llm.vowel_words`, if it is very unusual. The number of pauses is told where fewer
    than three statements can be made.

    >>> thought(Measured({"pitch": "high", "pitch_variation": "low", "tempo": "very high"}))
    'Pitch is high with low variation, tempo is very fast.'
    >>> from emocli.llm.voice_levels import Vowel
    >>> happy = (Vowel("æ", "happy"), {"slope": "low", "pitch": "very high", "duration": "high"})
    >>> thought(Measured({"tempo": "moderate"}, [happy], 0), vowels=True)
    'Tempo is moderate, without pauses; /æ/ in "happy": low slope, very high pitch.'
    """
    parts = _chosen([*_of_utterance(measured.utterance)], STATEMENTS)
    if measured.pauses is not None and 0 < len(parts) < STATEMENTS:
        parts.append(Statement(_pauses(measured.pauses), 0))
    text = ", ".join(part.text for part in parts)
    if (vowels or terse) and (clause := _most_unusual(measured, terse=terse)):
        text = f"{text}; {clause}" if text else clause
    return f"{text[0].upper()}{text[1:]}." if text else None


def _chosen(statements: list[Statement], most: int) -> list[Statement]:
    """Return the statements furthest from moderate, in their order; of equal ones the first."""
    ranked = sorted(range(len(statements)), key=lambda i: (-statements[i].distance, i))
    return [statements[i] for i in sorted(ranked[:most])]


def _of_utterance(levels: Levels) -> Iterator[Statement]:
    """Yield what can be said about an utterance, in the order of its summary."""
    if levels.get("pitch") in LEVELS:
        yield _statement("pitch is {}", levels, "pitch", "pitch_variation")
    variation = levels.get("loudness_variation")
    if levels.get("loudness") in LEVELS:
        yield _statement("loudness is {}", levels, "loudness", "loudness_variation")
    elif variation in LEVELS:
        degree = DEGREES[LEVELS.index(variation)]
        yield Statement(f"loudness varies {degree}", distance(variation))
    if (tempo := levels.get("tempo")) in LEVELS:
        yield Statement(f"tempo is {TEMPO[LEVELS.index(tempo)]}", distance(tempo))
    voice = [
        (words[LEVELS.index(level)], distance(level))
        for field, words in (("brightness", BRIGHTNESS), ("clarity", CLARITY))
        if (level := levels.get(field)) in LEVELS
    ]
    if voice:
        qualities = " and ".join(word for word, _ in voice)
        yield Statement(f"the voice is {qualities}", max(far for _, far in voice))


def _of_vowel(levels: Levels) -> Iterator[Statement]:
    """Yield what can be said about a vowel, in the order of its description."""
    if _is_clear(levels, "pitch"):
        if _is_clear(levels, "slope"):
            yield _statement("{} slope", levels, "slope")
        yield _statement("{} pitch", levels, "pitch", "pitch_variation")
    if _is_clear(levels, "intensity"):
        yield _statement("{} intensity", levels, "intensity", "intensity_variation")
    if _is_clear(levels, "duration"):
        yield _statement("{} duration", levels, "duration")


def _is_clear(levels: Levels, field: str) -> bool:
    return levels.get(field, UNCLEAR) in LEVELS


def _statement(form: str, levels: Levels, field: str, variation: str = "") -> Statement:
    """Return a statement about a level, with its variation where it is known."""
    varies = levels.get(variation)
    more = f" with {varies} variation" if varies in LEVELS else ""
    far = max(distance(levels[field]), distance(varies))
    return Statement(form.format(levels[field]) + more, far)


def _most_unusual(measured: Measured, *, terse: bool) -> str:
    """Return the clause of the vowel that is furthest from moderate, "" without any."""
    if terse:
        far = [(name, [*vowel_words.of(levels)]) for name, levels in measured.vowels]
        vowel, words = max(far, key=lambda clause: len(clause[1]), default=(Vowel(), []))
        return f"{vowel_words.name(vowel)}: {' '.join(words[:OF_VOWEL])}" if words else ""
    clauses = [(name, _chosen([*_of_vowel(levels)], OF_VOWEL)) for name, levels in measured.vowels]
    told = [(name, parts) for name, parts in clauses if parts]
    if not told:
        return ""
    name, parts = max(told, key=lambda clause: sum(part.distance for part in clause[1]))
    return f"{name}: {', '.join(part.text for part in parts)}"


def _pauses(count: int) -> str:
    if not count:
        return "without pauses"
    return f"with {count} pauses" if count > 1 else "with a pause"
