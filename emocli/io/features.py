"""The features of a record: its streams, their vectors, and their frames in the store."""

from __future__ import annotations

from emocli.records import Record


def of(record: Record) -> Record:
    """Return the features of a record by stream; none where they are not an object."""
    found = record.get("features")
    return found if isinstance(found, dict) else {}
