"""A record that is replaced by several: its segments, its copies, its windows.

A stage for one record returns them in the record itself, so that the record is still one in, one
out for workers, windows and the journal; they are taken apart when they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from emocli.pipeline.stage import Stage
from emocli.records import Record

PRIVATE = "\0"  # begins the names of fields that never leave the process
PARTS = "\0parts"
SEGMENT = re.compile(r"(.*)#(\d+\.\d+)-(\d+\.\d+)", re.DOTALL)  # how ids of segments are made


def replaced(record: Record, parts: Iterable[Record]) -> Record:
    """Return a record that stands for its parts."""
    return {**record, PARTS: list(parts)}


def of(record: Record) -> list[Record]:
    """Return the records that a record stands for, as they are written: its parts, or itself."""
    return [public(part) for part in record.get(PARTS, [record])]


def public(record: Record) -> Record:
    """Return a record without the fields that are private to this process."""
    if any(name[:1] == PRIVATE for name in record):
        return {name: value for name, value in record.items() if name[:1] != PRIVATE}
    return record


def recording_of(record: Record) -> str | None:
    """Return the id of the recording that a record is a segment of; None if it is none."""
    times = (record.get("start"), record.get("end"))
    if not all(isinstance(time, int | float) for time in times):
        return None
    found = SEGMENT.fullmatch(str(record.get("id")))
    return found[1] if found else None


def apart(stage: Stage) -> Stage:
    """Return the stage that yields the parts themselves."""

    def run(records: Iterator[Record]) -> Iterator[Record]:
        for record in stage(records):
            yield from of(record)

    return run
