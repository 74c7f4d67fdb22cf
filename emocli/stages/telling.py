"""What a language model is told of a record: its words, the turns before, its voice in words."""

from __future__ import annotations

from collections.abc import Sequence

from emocli.llm import vowel_words
from emocli.llm.prompts import Turn, Utterance
from emocli.records import Record, texts, validation
from emocli.stages import voice_levels

# How much of the voice: a sentence, beside it what is very unusual of each vowel, or all of it.
NONE, SUMMARY, TERSE, FULL = "none", "summary", "terse", "full"
VOICES = (NONE, SUMMARY, TERSE, FULL)
OF_VOWELS = (TERSE, FULL)


def utterance(record: Record, said: str, turns: int, prosody: str) -> Utterance:
    """Return what is told of a record that says `said`, after at most `turns` turns.

    Of the voice there is what the record has, at most `prosody`, which is one of VOICES. Raises
    RecordError for a context or prosody of another form.
    """
    summary, vowels = (voice(record, part, prosody) for part in (SUMMARY, FULL))
    return Utterance(_turn({**record, "text": said}), _before(record, turns), summary, vowels)


def voice(record: Record, part: str, prosody: str) -> str | None:
    """Return a part of the voice in words, SUMMARY or FULL, if it is wanted and there."""
    if prosody == NONE or (part == FULL and prosody not in OF_VOWELS):
        return None
    if part == FULL and prosody == TERSE:
        return vowel_words.terse(voice_levels.measured(record).vowels)
    field = {SUMMARY: "summary", FULL: "description"}[part]
    return validation.value(record, "prosody", field, code="bad_prosody") or None


def _before(record: Record, turns: int) -> Sequence[Turn]:
    """Return the last turns before a record that have words."""
    context = validation.value(record, "context", code="bad_context") or [] if turns else []
    told = context[max(0, len(context) - turns) :]
    return tuple(_turn(turn) for turn in told if isinstance(turn.get("text"), str))


def _turn(turn: Record) -> Turn:
    text = " ".join(texts.repaired(turn["text"]).split())
    return Turn(text, None if turn.get("speaker") is None else str(turn["speaker"]))
