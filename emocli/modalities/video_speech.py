"""When somebody speaks in a film, for whose face it may be, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emocli import records
from emocli.errors import EmocliError, RecordError
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.records import Record
from emocli.records.missing import lost
from emocli.records.modality import in_file, present

if TYPE_CHECKING:
    from emocli.signals.audio import Samples

# A longer sound is heard block by block; a shorter one is decoded once for all stages. Our choice.
SHORT_S = 600.0

Speech = list[tuple[float, float]]


def speech(record: Record, store: Store | None, film_s: float | None = None) -> Speech | None:
    """Return when somebody speaks, in seconds of the file; None where that is not known.

    `film_s` is how long the film is, as far as that is known.
    """
    if lost(record, "audio") is not None:
        return None
    if not present(record, "audio") and not in_file(record, "audio"):
        return None
    from emocli.signals import voice_activity

    try:
        start, end = audio.span_of(record)
        if audio.SOUND in record or _seconds(record, start or 0.0, end, film_s) <= SHORT_S:
            spans = voice_activity.speech_segments(audio.samples(record, store))
        else:
            spans = voice_activity.segments_of(_blocks(record, store, start or 0.0, end))
    except (EmocliError, RecordError):  # whoever needs the sound says what is wrong with it
        return None
    return [(first + (start or 0.0), last + (start or 0.0)) for first, last in spans]


def _blocks(
    record: Record, store: Store | None, start: float, end: float | None
) -> Iterator[Samples]:
    """Return the samples (time,) of a record block by block."""
    kept = audio.stored(record)
    if kept is not None and store is not None:  # nothing but the record's part
        return _part(str(store.path(kept)), 0.0, None)
    return _part(records.path_of(record), start, end)


def _seconds(record: Record, start: float, end: float | None, film_s: float | None) -> float:
    """Return how long a record is, as far as that is known."""
    about = record.get("audio")
    known = about.get("duration") if isinstance(about, dict) else None
    return float(known or (film_s or 0.0 if end is None else end) - start)


def _part(path: str, start: float, end: float | None) -> Iterator[Samples]:
    """Yield the samples (time,) of a part of a file, block by block."""
    from emocli.signals import sixteen_bits, sound_stream
    from emocli.signals.ffmpeg import SAMPLE_RATE_HZ
    from emocli.signals.flows import About

    first = round(start * SAMPLE_RATE_HZ)
    last = None if end is None else round(end * SAMPLE_RATE_HZ)
    place = 0
    for values in sound_stream.blocks(path, About()):
        inside = values[max(0, first - place) : None if last is None else max(0, last - place)]
        place += len(values)
        if len(inside):
            yield sixteen_bits.scaled(inside)
        if last is not None and place >= last:
            return
