"""Measure the prosody of an utterance and its vowels, and compare it with norms."""

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
    """Return the stage that adds `prosody`, in worker processes: Praat is not thread-safe."""
    from emocli.signals import prosody  # noqa: F401 - imported once, before workers fork

    levels.load(norms)
    work = partial(measure, store=context.store, norms=norms)
    return pipeline.each(work, name="prosody", modality="audio", jobs=context.jobs)


def measure(record: Record, store: Store | None, norms: Path | None = None) -> Record:
    """Add `prosody` to a record; one without audio, or with text only, passes unchanged."""
    from emocli.signals import prosody
    from emocli.signals.audio import SAMPLE_RATE_HZ

    if audio.passed_on(record, "prosody"):
        return record
    listed = vowels.of(record)
    spans = vowels.spans(listed, audio.span_of(record)[0] or 0.0)
    samples = audio.samples(record, store)
    vowels.require_inside(spans, len(samples) / SAMPLE_RATE_HZ)
    utterance, measured = prosody.measure(samples, spans=spans)
    measures: Record = {**utterance}
    if listed is not None:
        measures["vowels"] = [vowel | part for vowel, part in zip(listed, measured, strict=True)]
    record["prosody"] = levels.judged(measures, record, norms)
    return record
