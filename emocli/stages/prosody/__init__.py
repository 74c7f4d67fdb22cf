"""Measure how an utterance and its vowels are said, and judge it against norms."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from emocli import pipeline
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.prosody import levels, vowels


def stage(context: Context, *, norms: Path | None = None) -> pipeline.Stage:
    """Return the stage that adds `prosody`, in processes (Praat is not thread-safe)."""
    from emocli.signals import prosody  # noqa: F401 - before the workers fork, once for all

    levels.load(norms)
    work = partial(measure, store=context.store, norms=norms)
    return pipeline.each(work, name="prosody", modality="audio", jobs=context.jobs)


def measure(record: Record, store: Store | None, norms: Path | None = None) -> Record:
    """Add `prosody` to a record; one that is known to have no audio, or is only a text, passes."""
    from emocli.signals import prosody
    from emocli.signals.audio import SAMPLE_RATE_HZ

    if audio.passed_on(record, "prosody"):
        return record
    said = vowels.of(record)
    spans = vowels.spans(said, audio.span_of(record)[0] or 0.0)
    samples = audio.samples(record, store)
    vowels.require_inside(spans, len(samples) / SAMPLE_RATE_HZ)
    whole, parts = prosody.measure(samples, spans=spans)
    found: Record = {**whole}
    if said is not None:
        found["vowels"] = [vowel | part for vowel, part in zip(said, parts, strict=True)]
    record["prosody"] = levels.judged(found, record, norms)
    return record
