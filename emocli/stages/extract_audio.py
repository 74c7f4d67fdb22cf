"""Decode the audio of records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from emocli import pipeline
from emocli.io.store import Store
from emocli.modalities.audio import decoded, described, keep, passed_on, stored
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
