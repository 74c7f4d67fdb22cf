"""Note in `audio.speech_s` for how long somebody speaks in a recording.

Bundles judge by it (`audio_rules`). `transcribe` adds it, and `encode` for a bundle that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from emocli import pipeline
from emocli.errors import ModelError, RecordError
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.pipeline.context import Context
from emocli.records import Record


def hear(record: Record, store: Store | None) -> bool:
    """Return whether somebody speaks; add `audio.speech_s` where it lacks.

    Without a detector somebody does. Raises RecordError as `modalities.audio.samples` does.
    """
    from emocli.encoders.speech_windows import is_silent
    from emocli.signals import speech_presence

    audio.stored(record)  # refuses an `audio` of another form
    about = record.get("audio") or {}
    if about.get("speech_s") is None:
        samples = audio.samples(record, store)
        try:
            found = 0.0 if is_silent(samples) else speech_presence.seconds(samples)
        except ModelError:
            return True
        about = record.get("audio") or {}  # a warning of the decoder may be new
        if about.get("duration") is None:  # decoded from `path`; the cache has it
            about = audio.described(audio.decoded(record)) | about
        about = record["audio"] = {**about, "speech_s": round(found, 3)}
    return speech_presence.enough(about["speech_s"], about["duration"])


def stage(context: Context, wanted: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that hears the wanted records which no stage has heard.

    What cannot be decoded passes: the stage that needs the samples says why.
    """
    return pipeline.each(
        partial(_heard, context.store), name="encode", modality="audio", wanted=wanted
    )


def _heard(store: Store, record: Record) -> Record:
    try:
        hear(record, store)
    except RecordError:
        return record
    return record
