"""Decode the audio of records, as a whole or cut into segments of speech."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from emocli import pipeline
from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.modalities.audio import decoded, described, keep, passed_on, span_of, stored
from emocli.pipeline import parts
from emocli.pipeline.context import Context
from emocli.records import Record

if TYPE_CHECKING:
    from emocli.signals.audio import Audio

NAME = "extract-audio"


def stage(context: Context) -> pipeline.Stage:
    """Return the stage that adds `audio` and keeps the samples in the store."""
    return _stage(context.store, jobs=context.jobs)


def bring(_context: Context, wanted: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that adds `audio` to the wanted records; the samples are not kept."""
    return _stage(None, wanted=wanted)


def _stage(
    store: Store | None, *, jobs: int = 1, wanted: Callable[[Record], bool] | None = None
) -> pipeline.Stage:
    from emocli.signals import audio  # noqa: F401 - imported once, before workers fork

    work = partial(extract, store=store)
    return pipeline.each(work, name=NAME, modality="audio", jobs=jobs, wanted=wanted)


def extract(record: Record, store: Store | None) -> Record:
    """Decode the audio of a record and describe it in `audio`."""
    if _is_stored(record, store) or passed_on(record, NAME):
        return record
    record["audio"] = _described(decoded(record), store)
    return record


def _is_stored(record: Record, store: Store | None) -> bool:
    path = stored(record)
    return path is not None and store is not None and (store.root / path).exists()


def _described(audio: Audio, store: Store | None) -> Record:
    """Return the `audio` of a record, after putting the samples into the store."""
    path = {} if store is None else {"path": keep(audio.samples, store)}
    return path | described(audio)


def segments(context: Context) -> pipeline.Stage:
    """Return the stage that makes a record of every segment of speech."""
    return parts.apart(in_segments(context))


def in_segments(context: Context) -> pipeline.Stage:
    """Return the stage whose records carry their segments as parts."""
    work = partial(_cut, store=context.store)
    return pipeline.each(work, name=NAME, modality="audio", jobs=context.jobs)


def _cut(record: Record, store: Store) -> Record:
    from emocli.signals import audio, voice_activity

    if passed_on(record, NAME):
        return record
    recording = decoded(record)
    offset = span_of(record)[0] or 0.0
    spans = voice_activity.speech_segments(recording.samples)
    if not spans:
        hint = "without --segment the whole recording is used"
        raise RecordError("no_speech", "no speech was detected", hint=hint)
    rate = audio.SAMPLE_RATE_HZ
    cut = []
    for exact in spans:
        start, end = (round(offset + second, 3) - offset for second in exact)
        values = recording.samples[round(start * rate) : round(end * rate)]
        part = audio.Audio(values, recording.channels, recording.decoder, recording.warning)
        times = {"start": round(offset + start, 3), "end": round(offset + end, 3)}
        name = f"{record.get('id')}#{times['start']:.2f}-{times['end']:.2f}"
        cut.append(record | {"id": name} | times | {"audio": _described(part, store)})
    return parts.replaced(record, cut)
