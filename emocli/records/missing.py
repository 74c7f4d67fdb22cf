"""Notes in `missing`: which modality, or which stream of it, a record lacks, and why."""

from __future__ import annotations

from typing import Any

from emocli.records.types import Record

NO_SPEECH = "no_speech"  # the code of the note that nobody speaks


def notes(record: Record) -> Record:
    """Return the notes of a record; {} if `missing` is not an object."""
    missing = record.get("missing")
    return missing if isinstance(missing, dict) else {}


def lose(record: Record, note: Record, modality: str, stream: str | None = None) -> None:
    """Note that a record lacks a modality, or only one stream of it.

    The note of a single stream has `stream`: other streams of its modality are not affected.
    """
    if stream:
        note["stream"] = stream
    record["missing"] = {**notes(record), stream or modality: note}


def lost(record: Record, modality: str, stream: str | None = None) -> Any:
    """Return the note that a record lacks a modality, or this stream of it; else None."""
    missing = notes(record)
    of_modality, of_stream = missing.get(modality), missing.get(stream or "")
    if of_modality is not None and not (isinstance(of_modality, dict) and "stream" in of_modality):
        return of_modality
    return (
        of_stream
        if isinstance(of_stream, dict) and stream and of_stream.get("stream") == stream
        else None
    )


def nobody_speaks(record: Record) -> Record | None:
    """Return the note that nobody speaks in the sound of a record; None if there is none."""
    note = notes(record).get("audio")
    return note if isinstance(note, dict) and note.get("code") == NO_SPEECH else None


def clear_note(record: Record, name: str) -> Record:
    """Remove the note about a modality or stream that the record has now."""
    return _without(record, {name})


def forget(record: Record, stage: str) -> Record:
    """Remove the notes of a stage's earlier run, which may have used another model."""
    noted = {name for name, note in notes(record).items() if _is_of(note, stage)}
    return _without(record, noted)


def _is_of(note: Any, stage: str) -> bool:
    return isinstance(note, dict) and bool(note.get("stage") == stage)


def _without(record: Record, names: set[str]) -> Record:
    missing = notes(record)
    if names & missing.keys():
        record["missing"] = {name: note for name, note in missing.items() if name not in names}
        if not record["missing"]:
            del record["missing"]
    return record
