"""Notes in `missing`: which modality, or which one stream of it, a record is without, and why."""

from __future__ import annotations

from typing import Any

from emocli.records.types import Record


def notes(record: Record) -> Record:
    """Return the notes of a record; none where `missing` is not an object."""
    missing = record.get("missing")
    return missing if isinstance(missing, dict) else {}


def lose(record: Record, note: Record, modality: str, stream: str | None = None) -> None:
    """Note that a record is without a modality, or without one stream of it alone.

    The note of a single stream says `stream`: other streams of its modality are not concerned.
    """
    if stream:
        note["stream"] = stream
    record["missing"] = {**notes(record), stream or modality: note}


def lost(record: Record, modality: str, stream: str | None = None) -> Any:
    """Return the note that says a record is without a modality, or this stream of it; or None."""
    missing = notes(record)
    whole, own = missing.get(modality), missing.get(stream or "")
    if whole is not None and not (isinstance(whole, dict) and "stream" in whole):
        return whole
    return own if isinstance(own, dict) and stream and own.get("stream") == stream else None


def found_again(record: Record, name: str) -> Record:
    """Take back the note about a modality or stream that is there now."""
    return _without(record, {name})


def forget(record: Record, stage: str) -> Record:
    """Take back what a stage noted in an earlier run, about another model perhaps."""
    made = {name for name, note in notes(record).items() if _is_of(note, stage)}
    return _without(record, made)


def _is_of(note: Any, stage: str) -> bool:
    return isinstance(note, dict) and bool(note.get("stage") == stage)


def _without(record: Record, names: set[str]) -> Record:
    missing = notes(record)
    if names & missing.keys():
        record["missing"] = {name: note for name, note in missing.items() if name not in names}
        if not record["missing"]:
            del record["missing"]
    return record
