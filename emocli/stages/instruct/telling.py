"""What an instruction tells of a record: its words, the turns before, its voice in words."""

from __future__ import annotations

from typing import Any

from emocli import records
from emocli.errors import RecordError
from emocli.io import features
from emocli.llm.instructions import Told, Turn
from emocli.records import Record, texts, validation

NONE, SUMMARY, FULL = "none", "summary", "full"
VOICES = (NONE, SUMMARY, FULL)


def told(record: Record, prosody: str | None, turns: int, streams: tuple[str, ...]) -> Told:
    """Return what is told of a record; RecordError if there is nothing.

    `prosody` is one of VOICES, None for the summary where there is one; `streams` are the features
    that go with the question.
    """
    _require(record, streams)
    text = records.modality_text(record) or ""
    summary, vowels = _voice(record, prosody)
    if not text.strip() and not summary and not streams:
        hint = "run emocli transcribe or emocli prosody first"
        raise RecordError("nothing_told", "neither text nor the voice in words", hint=hint)
    said = Turn(texts.repaired(text.strip()), _speaker(record))
    return Told(said, _before(record, turns), summary, vowels)


def _require(record: Record, streams: tuple[str, ...]) -> None:
    """Raise RecordError if the record lacks one of the streams."""
    for name in streams:
        if name not in features.checked(record):
            message = f"no features.{name:.40}"
            raise RecordError("no_features", message, hint="run emocli encode first")
        features.described(record, name)


def _voice(record: Record, prosody: str | None) -> tuple[str | None, str | None]:
    """Return the summary and the description of the voice, as far as they are wanted."""
    if prosody == NONE:
        return None, None
    summary = validation.value(record, "prosody", "summary", code="bad_prosody")
    if prosody is not None and not summary:
        hint = "run emocli prosody first"
        raise RecordError("no_prosody", "no prosody.summary to tell", hint=hint)
    if prosody != FULL:
        return summary, None
    vowels = validation.value(record, "prosody", "description", code="bad_prosody")
    if not vowels:
        hint = "run emocli align, then emocli prosody"
        raise RecordError("no_vowels", "no prosody.description to tell", hint=hint)
    return summary, vowels


def _before(record: Record, turns: int) -> list[Turn]:
    """Return the last turns before a record."""
    context = validation.value(record, "context", code="bad_context") or [] if turns else []
    return [
        Turn(texts.repaired(turn["text"]), _speaker(turn))
        for turn in context[max(0, len(context) - turns) :]
        if isinstance(turn.get("text"), str)
    ]


def _speaker(turn: dict[str, Any]) -> str | None:
    speaker = turn.get("speaker")
    return None if speaker is None else str(speaker)
