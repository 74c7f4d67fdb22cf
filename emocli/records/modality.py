"""The modalities: the field of each in a record, its source, and the cost of computing it.

A modality is a row here and a file in `modalities` (the input of its encoders). Failures, windows,
inputs, `augment` and the stages that compute missing fields read this table; none of them names a
modality.
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
_EEG = "bdf cnt edf fif gdf set vhdr"
_VIDEO = "3gp avi flv m4v mkv mov mp4 mpeg mpg ogv ts webm wmv"
_PICTURES = "apng gif heic jpeg jpg png webp"  # some of which may move


def _suffixes(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


@dataclass(frozen=True)
class Modality:
    """One modality. The work on a recording is its seconds, known or estimated from file size."""

    field: str  # of the record
    stage: str = ""  # the command that adds the field; "" where encoders read the file itself
    made_of: str = ""  # its source: another modality (text: audio), or "" for the file at `path`
    suffixes: frozenset[str] = frozenset()  # of files that contain it
    least_cost: float = 1.0  # of computing it
    bytes_per_s: float = 0.0  # of a file of unknown length; 0 if size says nothing about it
    made: tuple[str, ...] = ()  # further fields of a feature that say how it was computed


MODALITIES = {
    "text": Modality("text", "transcribe", made_of="audio", made=("adapter", "context")),
    "audio": Modality(
        "audio",
        "extract-audio",
        suffixes=_suffixes(f"{_AUDIO} {_VIDEO}"),
        least_cost=16.0,  # seconds of audio: a clip is decoded, cut into windows, ...
        bytes_per_s=16_000.0,  # between speech in mp3 and in wav
        made=("level_dbfs", "layer_weights"),
    ),
    # Encoders differ in the rate and the band that they want, so they clean what is not extracted.
    "eeg": Modality(
        "eeg",
        suffixes=_suffixes(_EEG),
        least_cost=4.0,  # seconds: a header is read, filters are made
        bytes_per_s=25_000.0,  # between 32 channels at 256 Hz and 64 at 500, 16 bits
        made=("prepared", "channels", "bands"),
    ),
    # Encoders differ in what they want to see: faces or frames, how many, at what rate.
    "video": Modality(
        "video",
        suffixes=_suffixes(f"{_VIDEO} {_PICTURES}"),
        least_cost=16.0,  # seconds of film: it is opened, its packets are listed
        bytes_per_s=100_000.0,  # between a phone's and a web camera's
        made=("sampled", "layer_weights"),
    ),
}
# Suffixes of files that hold some modality; other files in a folder are left out.
MEDIA = frozenset().union(*(row.suffixes for row in MODALITIES.values()))
PICTURES = _suffixes(_PICTURES)  # beside films and sounds they are covers and thumbnails
UNKNOWN_FILES = "audio"  # a file with an unknown suffix is tried as audio: ffmpeg probes it


def present(record: Record, name: str) -> bool:
    """Return whether a record has a modality itself; an empty text does not count."""
    return bool(record.get(MODALITIES[name].field))


def in_file(record: Record, name: str) -> bool:
    """Return whether the file at `path` may contain a modality, by its suffix."""
    if not record.get("path"):
        return False
    try:
        suffix = PurePath(jsonl.path_of(record)).suffix.lower()
    except (RecordError, ValueError):
        suffix = ""
    matching = [n for n, row in MODALITIES.items() if suffix in row.suffixes or _says(record, row)]
    return name in (matching or [UNKNOWN_FILES])


def _says(record: Record, row: Modality) -> bool:
    """Say whether a record tells where in a file of arrays a modality is."""
    field = record.get(row.field)
    return isinstance(field, dict) and "variable" in field


def available(record: Record, name: str) -> bool:
    """Return whether a modality is in a record or can be computed, and is not in `missing`."""
    if lost(record, name) is not None:
        return False
    return present(record, name) or computable(record, name)


def computable(record: Record, name: str) -> bool:
    """Return whether what a modality is made of is available: a file, or another modality."""
    source = MODALITIES[name].made_of
    return available(record, source) if source else in_file(record, name)


def others(
    record: Record, modality: str, stream: str | None = None, *, in_files: bool = True
) -> bool:
    """Return whether a record can go on without a modality, or without one stream of it.

    Without `in_files` what is still in its file does not count: that cannot be read.
    """
    features = record.get("features")
    if isinstance(features, dict) and any(
        isinstance(f, dict)
        and f.get("modality") is not None
        and (name != stream if stream else f["modality"] != modality)
        for name, f in features.items()
    ):
        return True
    return any(
        available(record, name)
        and (present(record, name) or (in_files and row.made_of != modality))
        for name, row in MODALITIES.items()
        if name != modality
    )


def names_other(record: Record, modality: str) -> bool:
    """Return whether a record has anything but a modality: a file, another field, features."""
    fields = [row.field for name, row in MODALITIES.items() if name != modality]
    return bool(record.get("path") or record.get("features")) or any(
        record.get(field) is not None for field in fields
    )


def cost(record: Record, modalities: Iterable[str]) -> float:
    """Return the work that remains for some modalities of a record.

    1 for text or features that are there, the seconds of a recording that has to be read.
    """
    return max((_cost(record, name) for name in modalities), default=1.0)


def _cost(record: Record, name: str) -> float:
    row = MODALITIES.get(name)
    if row is None or not available(record, name):
        return 1.0
    if row.made_of:
        return 1.0 if present(record, name) else _cost(record, row.made_of)
    return max(row.least_cost, _seconds(record, row))


def _seconds(record: Record, row: Modality) -> float:
    """Return the length of a recording, estimated from the size of its file if not known."""
    try:
        if record.get("end") is not None:  # before `video.duration`, which is that of the film
            return float(record["end"]) - float(record.get("start") or 0)
        field = record.get(row.field)
        if isinstance(field, dict) and field.get("duration"):
            return float(field["duration"])
        size = os.stat(jsonl.path_of(record)).st_size  # noqa: PTH116 - may not be UTF-8
        return size / row.bytes_per_s if row.bytes_per_s else 0.0
    except (OSError, TypeError, ValueError, RecordError):
        return 0.0
