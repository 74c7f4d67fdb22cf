"""The vowels among the phones of a record."""

from __future__ import annotations

import math
from typing import Any

from emocli.errors import RecordError
from emocli.records import Record

TOLERANCE_S = 0.1  # beyond the recording: aligners round, and cut frames differently; our choice
KEPT = ("phone", "word", "start", "end", "stress")


def of(record: Record) -> list[Record] | None:
    """Return the kept fields of each vowel, or None for a record without phones.

    Raises RecordError bad_phones if they do not have the form that `align` writes.
    """
    phones = record.get("phones")
    if phones is None:
        return None
    if not isinstance(phones, list):
        raise _bad(phones)
    return [
        {field: phone.get(field) for field in KEPT if field in phone or field != "stress"}
        for phone in phones
        if _is_vowel(phone)
    ]


def spans(vowels: list[Record] | None, offset: float) -> list[tuple[float, float]]:
    """Return start and end of each vowel in seconds from the record's first sample."""
    return [(vowel["start"] - offset, vowel["end"] - offset) for vowel in vowels or ()]


def require_inside(spans: list[tuple[float, float]], duration: float) -> None:
    """Raise RecordError bad_phones if a vowel lies outside its recording."""
    for start, end in spans:
        if start < -TOLERANCE_S or end > duration + TOLERANCE_S:
            message = f"a vowel from {start:g} to {end:g} s in {duration:g} s of audio"
            hint = "is this the alignment of another recording?"
            raise RecordError("bad_phones", message, hint=hint)


def _is_vowel(phone: Any) -> bool:
    if not isinstance(phone, dict):
        raise _bad(phone)
    start, end = (_seconds(phone, field) for field in ("start", "end"))
    if end < start:
        raise _bad(phone)
    return phone.get("is_vowel") is True


def _seconds(phone: Record, field: str) -> float:
    value = phone.get(field)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise _bad(phone)
    return float(value)


def _bad(value: Any) -> RecordError:
    message = f"phones are not what align adds: {value!r:.80}"
    return RecordError("bad_phones", message, hint="run emocli align again")
