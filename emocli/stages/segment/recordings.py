"""Which records are recordings that can be cut, and what a segment of one is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from emocli import records
from emocli.errors import RecordError
from emocli.io import ids
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.pipeline import windows
from emocli.records import Record
from emocli.records.modality import in_file
from emocli.stages.segment.ways import Way

# What is of a recording as a whole, or of a time of it: a part would wrongly have it.
OF_ALL = (
    "text",
    "words",
    "phones",
    "transcript",
    "alignment",
    "features",
    "prosody",
    "unimodal",
    "prediction",
)
# With it a record is an utterance already, or was cut.
OF_UTTERANCES = ("start", "end", "label", "annotations")

NAME = "segment"  # of the stage, in problems
PLACE = "\0place"  # of a segment: the file that its samples are in, and the state of that file


class Cutter(NamedTuple):
    """What cutting needs to know beside the recording."""

    way: Way
    store: Store
    say: Callable[[str], object]  # of what is wrong with a recording
    grow: Callable[[], object]  # before a record becomes several


class Place(NamedTuple):
    """A file, its time of modification and its size."""

    path: str
    state: tuple[int, int]
    regular: bool  # or a pipe, which can be read once


def may_be_cut(record: Record, *, by_itself: bool) -> bool:
    """Say whether a record is sound given as a path, and nothing else; by itself only a whole."""
    if record.get("error") or not record.get("path") or audio.is_lost(record):
        return False
    others = (*OF_ALL, *OF_UTTERANCES) if by_itself else OF_ALL
    return in_file(record, "audio") and all(record.get(name) in (None, {}, []) for name in others)


def path_of(record: Record, store: Store) -> str:
    """Return the file with the sound of a record: in the store if it was extracted."""
    path = audio.stored(record)
    if path is not None and (store.root / path).is_file():
        return os.fspath(store.path(path))
    return records.path_of(record)


def known_length(record: Record) -> float | None:
    """Return the seconds of a record that says them itself."""
    start, end = audio.span_of(record)
    if start is not None or end is not None:
        return None if end is None else end - (start or 0.0)
    about = record.get("audio")
    length = about.get("duration") if isinstance(about, dict) else None
    return float(length) if isinstance(length, int | float) else None


def place_of(path: str) -> Place:
    """Return a file as it is now; RecordError not_found if it is gone."""
    try:
        status = os.stat(path)  # noqa: PTH116 - may not be UTF-8
    except OSError as error:
        raise RecordError("not_found", f"the file cannot be read: {error.strerror}") from None
    regular = stat.S_ISREG(status.st_mode)
    return Place(path, (status.st_mtime_ns, status.st_size) if regular else (0, 0), regular)


class Parts:
    """Makes the records of the segments of a recording."""

    def __init__(self, record: Record, place: Place) -> None:
        self.whole = {name: value for name, value in record.items() if name != "audio"}
        self.place = place
        self.count = 0
        self._unique = ids.Numbered()

    def part(self, start: float, end: float, fields: Record | None = None) -> Record:
        """Return the record of the next segment, with fields of its own."""
        early = windows.earliness(self.count)
        self.count += 1
        own = {windows.EARLY: early, PLACE: self.place}
        return self.named(start, end, fields) | own

    def named(self, start: float, end: float, fields: Record | None = None) -> Record:
        """Return a record of a time of the recording, without its place."""
        name = self._unique(f"{self.whole.get('id')}#{start:.2f}-{end:.2f}")
        return self.whole | (fields or {}) | {"id": name, "start": start, "end": end}
