"""What a record lacks before it can be fused: audio, a transcript, features."""

from __future__ import annotations

import importlib
from threading import Thread
from typing import Any

from emocli import bundle, options, stages
from emocli.commands import _streams, extract_audio, transcribe

Record = dict[str, Any]


def stage(run: options.Run, trained: bundle.Bundle) -> stages.Stage:
    """Return the stage that computes the streams a bundle needs and a record lacks."""
    # torch takes a second to import; the first clip is heard by another library meanwhile.
    Thread(target=importlib.import_module, args=("torch",), daemon=True).start()
    specs = _streams.of_bundle(trained)
    steps = []
    if any(spec["modality"] == "audio" for spec in specs):
        decode = extract_audio.stage(None)
        steps.append(stages.only(lambda r: _needs_audio(r, specs), decode))
    text = [spec for spec in specs if spec["modality"] == "text"]
    if text:
        hear = transcribe.stage(run)
        steps.append(stages.only(lambda r: _needs_transcript(r, text[0]), hear))
    return stages.chain(*steps, *(_streams.stage(run, spec, trained) for spec in specs))


def _needs_audio(record: Record, specs: list[Record]) -> bool:
    """Say whether any stream must be computed from a file that is not decoded yet."""
    wanted = any(_streams.wanted(record, spec) for spec in specs)
    return wanted and bool(record.get("path")) and not record.get("audio")


def _needs_transcript(record: Record, spec: Record) -> bool:
    missing = record.get("missing") or {}
    return (
        _streams.wanted(record, spec)
        and record.get("text") is None
        and bool(record.get("audio") or record.get("path"))
        and "audio" not in missing
    )
