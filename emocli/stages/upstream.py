"""What a record lacks before it can be fused: audio, a transcript, features."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from threading import Thread

from emocli import pipeline
from emocli.bundles import bundle, model_inputs
from emocli.cli import options
from emocli.commands import extract_audio, transcribe
from emocli.records import Record, failures
from emocli.stages import encode


def stage(
    run: options.Run, trained: bundle.Bundle, done: Callable[[Record], bool]
) -> pipeline.Stage:
    """Return the stage that computes the streams a bundle needs and a record lacks.

    Records that are `done` flow past.
    """
    # torch takes a second to import; the first clip is heard by another library meanwhile.
    Thread(target=importlib.import_module, args=("torch",), daemon=True).start()
    # What is normalised needs more records than are here.
    specs = [spec for spec in encode.of_bundle(trained) if not spec.get("normalized")]
    run.turns = encode.turns(specs)
    steps = []
    if any(spec["modality"] == "audio" for spec in specs):
        decode = extract_audio.stage(None, wanted=lambda r: not done(r) and _needs_audio(r, specs))
        steps.append(decode)
    if text := [spec for spec in specs if spec["modality"] == "text"]:
        hear = transcribe.stage(run, wanted=lambda r: not done(r) and _needs_transcript(r, text))
        steps.append(hear)
    for spec in specs:
        skip = partial(_has_only_features, done, spec)
        steps.append(encode.stage(run, spec, trained, skip=skip, keep=encode.PASSED))
    return pipeline.chain(*steps)


def _has_only_features(done: Callable[[Record], bool], spec: Record, record: Record) -> bool:
    """Say whether a record is done, or has features and nothing to make this stream of."""
    if done(record):
        return True
    fields = ("text",) if spec["modality"] == "text" else ("audio", "path")
    return bool(model_inputs.features(record)) and all(record.get(f) is None for f in fields)


def _needs_audio(record: Record, specs: list[Record]) -> bool:
    """Say whether any stream must be computed from a file that is not decoded yet."""
    wanted = any(encode.wanted(record, spec) for spec in specs)
    return wanted and bool(record.get("path")) and not record.get("audio")


def _needs_transcript(record: Record, specs: list[Record]) -> bool:
    return (
        any(encode.wanted(record, spec) for spec in specs)
        and record.get("text") is None
        and bool(record.get("audio") or record.get("path"))
        and failures.lost(record, "audio") is None
    )
