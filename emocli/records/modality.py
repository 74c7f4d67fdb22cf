"""The modalities: where each stands in a record, what it is made of, what making it costs.

A modality is a row here and a file in `modalities` (what its encoders take). Failures, windows,
inputs, `augment` and the stages that compute what is missing ask this table; none of them knows a
modality by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from emocli.errors import RecordError
from emocli.records import jsonl
from emocli.records.missing import lost
from emocli.records.types import Record

_AUDIO = "aac aif aiff amr au caf flac m4a mp3 oga ogg opus wav wma"
_VIDEO = "3gp avi flv m4v mkv mov mp4 mpeg mpg ogv ts webm wmv"


def _suffixes(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


@dataclass(frozen=True)
class Modality:
    """One modality. A recording's work is its seconds, by its length or the size of its file."""

    field: str  # where it stands in a record
    stage: str = ""  # the command that adds the field; "" where encoders read the file itself
    made_of: str = ""  # another modality (text of audio); "" is: of the file at `path`
    suffixes: frozenset[str] = frozenset()  # of the files that hold it
    least_cost: float = 1.0  # of making it
    bytes_per_s: float = 0.0  # of a file whose length is not known; 0 where size says nothing
    made: tuple[str, ...] = ()  # what features say besides of how they were made


MODALITIES = {
    "text": Modality("text", "transcribe", made_of="audio", made=("adapter", "context")),
    "audio": Modality(
        "audio",
        "extract-audio",
        suffixes=_suffixes(f"{_AUDIO} {_VIDEO}"),
        least_cost=16.0,  # seconds of sound: a clip is decoded, cut into windows, ...
        bytes_per_s=16_000.0,  # between speech in mp3 and in wav
        made=("level_dbfs",),
    ),
}
UNKNOWN_FILES = "audio"  # a file of no known suffix is tried as sound: ffmpeg looks into it


def present(record: Record, name: str) -> bool:
    """Say whether a record carries a modality itself; an empty text is none."""
    return bool(record.get(MODALITIES[name].field))


def in_file(record: Record, name: str) -> bool:
    """Say whether the file at `path` may hold a modality, by its suffix."""
    if not record.get("path"):
        return False
    try:
        suffix = PurePath(jsonl.path_of(record)).suffix.lower()
    except (RecordError, ValueError):
        suffix = ""
    known = [n for n, row in MODALITIES.items() if suffix in row.suffixes]
    return name in (known or [UNKNOWN_FILES])


def at_hand(record: Record, name: str) -> bool:
    """Say whether a modality is in a record or can be made for it, and is not lost."""
    if lost(record, name) is not None:
        return False
    return present(record, name) or to_be_made(record, name)


def to_be_made(record: Record, name: str) -> bool:
    """Say whether what a modality is made of is at hand: a file, or another modality."""
    source = MODALITIES[name].made_of
    return at_hand(record, source) if source else in_file(record, name)


def others(record: Record, modality: str, stream: str | None = None) -> bool:
    """Say whether a record can go on without a modality, or without one stream of it."""
    features = record.get("features")
    if isinstance(features, dict) and any(
        isinstance(f, dict)
        and f.get("modality") is not None
        and (name != stream if stream else f["modality"] != modality)
        for name, f in features.items()
    ):
        return True
    return any(
        at_hand(record, name) and (present(record, name) or row.made_of != modality)
        for name, row in MODALITIES.items()
        if name != modality
    )


def names_other(record: Record, modality: str) -> bool:
    """Say whether a record is about something else than a modality: a file, a field, features."""
    fields = [row.field for name, row in MODALITIES.items() if name != modality]
    return bool(record.get("path") or record.get("features")) or any(
        record.get(field) is not None for field in fields
    )


def cost(record: Record, modalities: Iterable[str]) -> float:
    """Return the work that is still to be done for some modalities of a record.

    1 for what is there as text or features, the seconds of a recording that has to be read.
    """
    return max((_cost(record, name) for name in modalities), default=1.0)


def _cost(record: Record, name: str) -> float:
    row = MODALITIES.get(name)
    if row is None or not at_hand(record, name):
        return 1.0
    if row.made_of:
        return 1.0 if present(record, name) else _cost(record, row.made_of)
    return max(row.least_cost, _seconds(record, row))


def _seconds(record: Record, row: Modality) -> float:
    """Return how long a recording is, or might be by the size of its file."""
    try:
        described = record.get(row.field)
        if isinstance(described, dict) and described.get("duration"):
            return float(described["duration"])
        if record.get("end") is not None:
            return float(record["end"]) - float(record.get("start") or 0)
        size = os.stat(jsonl.path_of(record)).st_size  # noqa: PTH116 - may be odd bytes
        return size / row.bytes_per_s if row.bytes_per_s else 0.0
    except (OSError, TypeError, ValueError, RecordError):
        return 0.0
