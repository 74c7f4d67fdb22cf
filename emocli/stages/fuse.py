"""Fuse the streams of records, running what is missing before it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from emocli import models, pipeline
from emocli.bundles import model_inputs, outputs
from emocli.bundles.bundle import FUSION, Bundle
from emocli.bundles.model_inputs import ModelInputs
from emocli.bundles.specs import timed as timed_stream
from emocli.errors import ConfigError, RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.pipeline import devices, windows
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record
from emocli.records.missing import forget, lost, notes
from emocli.stages import encode, upstream

BATCH = 64
FRAMES = 32_768  # in a batch at most: 50 MB of 384 numbers each


def stage(context: Context, trained: Bundle, *, strict: bool = False) -> pipeline.Stage:
    """Return the stage that runs what is missing upstream, and then the model up to its fusion.

    Raises ConfigError for a predictor that does not fuse.
    """
    if trained.kind != FUSION:
        raise ConfigError(f"{trained.folder}: a predictor of kind {trained.kind!r} does not fuse")
    done = functools.partial(fused, trained=trained)
    frames = any(map(timed_stream, trained.streams.values()))
    return pipeline.chain(
        lambda rows: (r if r.get("error") or done(r) else forget(r, "fuse") for r in rows),
        upstream.stage(context, trained, done),
        core(context, trained),
        *([functools.partial(map, _without_passed)] if frames else []),
        *([pipeline.each(functools.partial(_whole, trained), name="fuse")] if strict else []),
    )


def fused(record: Record, trained: Bundle) -> bool:
    """Say whether a record carries this very model's fused vector."""
    feature = features.of(record).get("fused")
    return isinstance(feature, dict) and feature.get("revision") == trained.digest


def turns(trained: Bundle) -> int:
    """Return how many turns before a record its streams need."""
    return encode.turns(upstream.specs_of(trained))


def window(context: Context, trained: Bundle) -> Window:
    """Return which records are worked on together, by what their streams still take."""
    work = encode.work(upstream.specs_of(trained))
    return windows.of(context.batch(BATCH), lambda r: 1.0 if fused(r, trained) else work(r))


def core(context: Context, trained: Bundle) -> pipeline.Stage:
    """Return the stage that fuses streams which are there already."""
    store = context.store
    device = functools.cache(lambda: devices.pick(context.device))
    timed = functools.cache(lambda: models.takes_time(trained.contents["architecture"]))

    def fuse(batch: list[Record]) -> list[Record | Exception]:
        outcomes: list[Any] = [_inputs(record, trained, timed(), store) for record in batch]
        usable = [i for i, inputs in enumerate(outcomes) if isinstance(inputs, ModelInputs)]
        if usable:
            inputs = [outcomes[i] for i in usable]
            for i, parts in zip(usable, _forward(device(), trained, inputs), strict=True):
                outcomes[i] = _add(batch[i], trained, outcomes[i], *parts)
        return outcomes

    return pipeline.batched(
        fuse,
        name="fuse",
        size=context.batch(BATCH),
        length=_frames if any(map(timed_stream, trained.streams.values())) else None,
        budget=FRAMES,
        wanted=lambda record: not fused(record, trained),
    )


def _frames(record: Record) -> float:
    """Return how many frames a record's sequences have."""
    arrays = [f.get("array") for f in features.of(record).values() if isinstance(f, dict)]
    shapes = [a["shape"] if isinstance(a, dict) else a.shape for a in arrays if a is not None]
    return float(sum(shape[0] for shape in shapes))


def _inputs(record: Record, trained: Bundle, timed: bool, store: Store) -> Any:
    """Return the model's inputs of a record, or the error that keeps it out of the batch."""
    try:
        inputs = model_inputs.of_record(record, trained, timed, store)
    except RecordError as error:
        return error
    if inputs.values:
        return inputs
    why = notes(record).items()
    reasons = [f"{name}: {note.get('message')}" for name, note in why if isinstance(note, dict)]
    return RecordError("no_modality", "; ".join(["nothing to go by", *reasons]))


def _without_passed(record: Record) -> Record:
    """Drop the frames that one stage of this process passed to another."""
    streams = features.of(record)
    passed = [n for n, f in streams.items() if isinstance(f, dict) and _is_passed(f)]
    if passed:
        record["features"] = {n: f for n, f in streams.items() if n not in passed}
        if not record["features"]:
            del record["features"]
    return record


def _is_passed(feature: Record) -> bool:
    return hasattr(feature.get("array"), "ndim")  # in a record that was read it is an object


def _whole(trained: Bundle, record: Record) -> Record:
    """Return a record of which every stream was used, or raise RecordError naming the others."""
    used = record["features"]["fused"].get("streams") or ()
    why = []
    for name, spec in trained.streams.items():
        if name not in used:
            note = lost(record, spec["modality"], name) or {}
            why.append(f"{name}: {note.get('message', 'not used')}")
    if why:
        raise RecordError("missing_modality", f"without {'; '.join(why)}")
    return record


def _forward(
    device: str, trained: Bundle, inputs: Sequence[ModelInputs]
) -> Iterator[tuple[Any, Record, Record]]:
    """Yield for each record its fused vector, the answer of each stream alone, and the gates."""
    import torch

    model = trained.model(device)
    with torch.inference_mode():
        streams, masks = model_inputs.tensors(trained, inputs, device)
        fused = model.fuse(streams, masks).cpu().numpy()
        unimodal = model.unimodal(streams, masks) if hasattr(model, "unimodal") else {}
        gates = model.gates(streams, masks) if hasattr(model, "gates") else {}
    answers = {n: outputs.unimodal(v.cpu().numpy(), trained) for n, v in unimodal.items()}
    weights = {gate: values.cpu().tolist() for gate, values in gates.items()}
    names = {gate: _behind(gate, model, trained) for gate in gates}
    for row, one in enumerate(inputs):
        own = {name: answers[name][row] for name in answers if name in one.values}
        yield fused[row], own, {g: _rounded(names[g], weights[g][row]) for g in gates}


def _behind(gate: str, model: Any, trained: Bundle) -> list[str]:
    """Return what a gate chooses among: what the model has of its name, else the streams."""
    own = getattr(model, gate, None)
    if own is None:
        return list(trained.streams)
    return [part if isinstance(part, str) else part[0] for part in own]


def _rounded(names: list[str], weights: list[float]) -> dict[str, float]:
    return {name: round(weight, 4) for name, weight in zip(names, weights, strict=True)}


def _add(
    record: Record, trained: Bundle, inputs: ModelInputs, vector: Any, *answers: Record
) -> Record:
    unimodal, gates = answers
    if unimodal:
        record["unimodal"] = unimodal
    else:
        record.pop("unimodal", None)  # another model's
    feature = {
        "modality": "fused",
        "encoder": trained.name,
        "revision": trained.digest,
        "dim": len(vector),
        "streams": list(inputs.values),
        **({"masked_frames": inputs.masked_frames} if inputs.masked_frames else {}),
        **({"gates": gates} if gates else {}),
        "vector": vector,
    }
    record["features"] = {**features.of(record), "fused": feature}
    return record
