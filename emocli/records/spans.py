"""When something is said in a recording: which recording, from when to when, for how long."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from emocli.errors import RecordError
from emocli.records.types import Record
from emocli.records.validation import value

LONGEST_S = 1e8  # three years: beyond any recording, and far below where seconds lose precision


def recording(record: Record) -> str | None:
    """Return the name of the recording that a record is part of: its path, else its dialogue.

    >>> recording({"path": "a.wav"}), recording({"dialogue": 7}), recording({"text": "hello"})
    ('a.wav', '7', None)
    """
    path = record.get("path")
    if isinstance(path, dict) and isinstance(path.get("bytes"), str):
        try:
            return base64.b64decode(path["bytes"], validate=True).decode(
                "utf-8", "backslashreplace"
            )
        except (binascii.Error, ValueError):
            path = path["bytes"]
    if path is None:
        path = record.get("dialogue")
    return None if path is None else str(path)


def times(record: Record) -> tuple[float, float] | None:
    """Return start and end of a record in seconds of its recording; None without them.

    An absent end is the start and `audio.duration`. RecordError for times that are no numbers, or
    an end that does not come after its start.
    """
    start = moment(record)
    if start is None:
        return None
    end = _number(record, "end")
    if end is None:
        duration = _number(record, "audio", "duration")
        if duration is None:
            return None
        end = start + duration
    if not end > start:
        raise RecordError("bad_end", f"end {end:g} does not come after start {start:g}")
    return start, end


def moment(record: Record) -> float | None:
    """Return the start of a record in seconds of its recording, None without one."""
    return _number(record, "start")


def seconds(record: Record) -> float | None:
    """Return for how long a record speaks: end - start, else that of its sound; None if unknown."""
    found = times(record)
    if found is not None:
        return found[1] - found[0]
    for field in ("audio", "prosody"):
        duration = _number(record, field, "duration")
        if duration is not None:
            return duration
    return None


def _number(record: Record, *names: str) -> float | None:
    """Return a time of a record, None for null; RecordError for no number, or beyond LONGEST_S."""
    found: Any = value(record, *names)
    if found is None:
        return None
    if not abs(found) <= LONGEST_S:
        where = ".".join(names)
        raise RecordError(f"bad_{names[-1]}", f"{where} is no time in seconds: {found!r:.40}")
    return float(found)
