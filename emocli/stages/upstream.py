"""Add what a record lacks before it can be fused: audio, a transcript, features."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from threading import Thread

from emocli import modalities, pipeline
from emocli.bundles import soft_streams
from emocli.bundles.bundle import Bundle
from emocli.io import features
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.records.modality import MODALITIES, computable
from emocli.stages import encode, language, looking
from emocli.stages.encode import Spec

CAME_WITH = "\0came with features"  # of a record, private to the process


def specs_of(trained: Bundle) -> list[Spec]:
    """Return the streams of a bundle that can be computed here.

    A normalised stream needs more records than are here, unless its recording is enough; a stream
    without an encoder, or of a modality that has none, comes from elsewhere, and so does one of
    another segment, which a question brings.
    """
    segments = soft_streams.segments(trained.contents)
    return [
        spec
        for spec in encode.of_bundle(trained)
        if spec.get("encoder")
        and spec["stream"] not in segments
        and spec["modality"] in modalities.names()
        and (not spec.get("normalized") or encode.by_recording(spec))
    ]


def _import_torch() -> None:
    with contextlib.suppress(Exception):  # raised again where torch is needed
        importlib.import_module("torch")


def stage(
    context: Context,
    trained: Bundle,
    done: Callable[[Record], bool],
    loaded: Callable[[], encode.Loaded] | None = None,
) -> pipeline.Stage:
    """Return the stage that computes the streams a bundle needs and a record lacks.

    Records that are `done` pass unchanged. An encoder for all streams may be `loaded` elsewhere.
    """
    specs = specs_of(trained)
    steps = [_bring(context, n, partial(_lacks, n, specs, done)) for n in _sources(specs)]
    for spec in specs:
        skip = partial(_has_only_features, done, spec)
        steps.insert(0, looking.begin(context, spec, partial(_looks, spec, skip)))
        steps.append(
            encode.stage(context, spec, trained, skip=skip, keep=encode.PASSED, encoder=loaded)
        )
    if rules := trained.contents.get("text_rules"):
        read = language.stage(context, rules["language"], done)
        steps = [language.ahead(done), *steps, read]
    return pipeline.chain(_importing_torch, _noted, *steps, _forgotten)


def _noted(incoming: Iterator[Record]) -> Iterator[Record]:
    """Note whether records come with features, before there are more of them."""
    for record in incoming:
        record[CAME_WITH] = bool(features.of(record))
        yield record


def _forgotten(incoming: Iterator[Record]) -> Iterator[Record]:
    for record in incoming:
        record.pop(CAME_WITH, None)
        yield record


def _importing_torch(incoming: Iterator[Record]) -> Iterator[Record]:
    """Pass records on; with the first begins the import of torch.

    It takes a second, in which another library decodes the first clip.
    """
    for first in incoming:
        Thread(target=_import_torch, daemon=True).start()
        yield first
        yield from incoming


def _sources(specs: list[Spec]) -> list[str]:
    """Return the modalities that a stage can add for some streams, sources before derived ones."""
    needed = {spec["modality"] for spec in specs}
    ordered = sorted(MODALITIES, key=lambda name: bool(MODALITIES[name].made_of))
    return [name for name in ordered if name in needed and MODALITIES[name].stage]


def _bring(context: Context, modality: str, wanted: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that adds a modality to the records that want it."""
    name = MODALITIES[modality].stage.replace("-", "_")
    return importlib.import_module(f"emocli.stages.{name}").bring(context, wanted)


def _lacks(name: str, specs: list[Spec], done: Callable[[Record], bool], record: Record) -> bool:
    """Say whether a stream needs a modality that a record lacks and that can be made."""
    if done(record):
        return False
    row = MODALITIES[name]
    dependent = [s for s in specs if name in (s["modality"], MODALITIES[s["modality"]].made_of)]
    wanted = any(encode.wanted(record, spec) for spec in dependent)
    return wanted and record.get(row.field) in (None, {}) and computable(record, name)


def _looks(spec: Spec, skip: Callable[[Record], bool], record: Record) -> bool:
    """Say whether a stream of a record is going to be encoded."""
    return encode.wanted(record, spec) and not skip(record)


def _has_only_features(done: Callable[[Record], bool], spec: Spec, record: Record) -> bool:
    """Say whether a record is done, or has features but no material for this stream."""
    if done(record):
        return True
    row = MODALITIES[spec["modality"]]
    has_material = record.get(row.field) is not None or (
        not row.made_of and record.get("path") is not None
    )
    return bool(record.get(CAME_WITH)) and not has_material
