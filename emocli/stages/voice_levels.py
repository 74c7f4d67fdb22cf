"""What `emocli prosody` measured of a record's voice, as thoughts cite it."""

from __future__ import annotations

from typing import Any

from emocli.llm.voice_levels import Measured, Vowel
from emocli.records import Record, validation


def measured(record: Record) -> Measured:
    """Return the levels of a record, empty without any; RecordError if they have another form."""
    levels = validation.value(record, "prosody", "levels", code="bad_prosody")
    vowels = validation.value(record, "prosody", "vowels", code="bad_prosody")
    pauses = validation.value(record, "prosody", "pause_count", code="bad_prosody")
    told = [(_vowel(vowel), _known(vowel.get("levels"))) for vowel in vowels or ()]
    return Measured(_known(levels), [pair for pair in told if pair[1]], pauses)


def _known(levels: dict[str, Any] | None) -> dict[str, str]:
    return {field: level for field, level in (levels or {}).items() if level is not None}


def _vowel(vowel: Record) -> Vowel:
    phone, word = (" ".join(str(vowel.get(name) or "").split()) for name in ("phone", "word"))
    return Vowel(phone or None, word or None, vowel.get("start"))
