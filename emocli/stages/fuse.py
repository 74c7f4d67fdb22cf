"""Fuse the streams of records; run the missing upstream stages first."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

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
from emocli.records import Record, failures, missing
from emocli.records.missing import forget, lost, notes
from emocli.records.modality import MODALITIES, in_file
from emocli.stages import encode, upstream

BATCH = 64
NO_STREAM = ("no_audio_stream", "no_video_stream")  # of a silent film, of sound in mp4 or webm
FRAMES = 32_768  # in a batch at most: 50 MB of 384 numbers each


def stage(context: Context, trained: Bundle, *, strict: bool = False) -> pipeline.Stage:
    """Return the stage that runs the missing upstream stages, then the model up to its fusion.

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
        *([pipeline.each(functools.partial(_require_all, trained), name="fuse")] if strict else []),
    )


def fused(record: Record, trained: Bundle) -> bool:
    """Say whether a record has a fused vector of this very model, of no other streams than used."""
    feature = features.of(record).get("fused")
    if not isinstance(feature, dict) or feature.get("revision") != trained.digest:
        return False
    return trained.only is None or trained.only.issuperset(feature.get("streams") or ())


def turns(trained: Bundle) -> int:
    """Return how many preceding turns the streams of a record need."""
    return encode.turns(upstream.specs_of(trained))


def window(context: Context, trained: Bundle) -> Window:
    """Return the window of records that are processed together, by their remaining work."""
    work = encode.work(upstream.specs_of(trained))
    return windows.of(context.batch(BATCH), lambda r: 1.0 if fused(r, trained) else work(r))


def core(context: Context, trained: Bundle) -> pipeline.Stage:
    """Return the stage that fuses streams which records already have."""
    store = context.store
    device = functools.cache(lambda: devices.pick(context.device))
    timed = functools.cache(lambda: models.takes_time(trained.contents["architecture"]))

    def fuse(batch: list[Record]) -> list[Record | Exception]:
        outcomes: list[Any] = [of_record(record, trained, timed(), store) for record in batch]
        usable = [i for i, inputs in enumerate(outcomes) if isinstance(inputs, ModelInputs)]
        if usable:
            inputs = [outcomes[i] for i in usable]
            for i, parts in zip(usable, _forward(device(), trained, inputs), strict=True):
                outcomes[i] = _add(batch[i], trained, outcomes[i], parts)
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
    """Return how many frames the sequences of a record have in all."""
    arrays = [f.get("array") for f in features.of(record).values() if isinstance(f, dict)]
    shapes = [a["shape"] if isinstance(a, dict) else a.shape for a in arrays if a is not None]
    return float(sum(shape[0] for shape in shapes))


def of_record(record: Record, trained: Bundle, timed: bool, store: Store) -> Any:
    """Return the model's inputs from a record, or the error that keeps it out of the batch."""
    try:
        inputs = model_inputs.of_record(record, trained, timed, store)
    except RecordError as error:
        return failures.without_frames(error)
    if inputs.values:
        _excused(record)
        return inputs
    if nobody_speaks := missing.nobody_speaks(record):
        hint = str(nobody_speaks.get("hint", ""))
        silent = {"audio", *(n for n, row in MODALITIES.items() if row.made_of == "audio")}
        more = [reason for name, reason in _reasons(record).items() if name not in silent]
        message = "; ".join([str(nobody_speaks.get("message")), *more])
        return RecordError(missing.NO_SPEECH, message, hint=hint)
    if in_file(record, "eeg") and all(s["modality"] != "eeg" for s in trained.streams.values()):
        hint = "--model names one that was trained on EEG"
        return RecordError("no_modality", f"{trained.name} takes no EEG", hint=hint)
    codes = {note.get("code") for note in notes(record).values() if isinstance(note, dict)}
    code = "no_speech" if codes == {"no_speech"} else "no_modality"
    reasons = (f"{name}: {reason}" for name, reason in _reasons(record).items())
    return RecordError(code, "; ".join(["no usable stream", *reasons]))


def _excused(record: Record) -> None:
    """Let a film that never had sound, or no picture, be no failure: the other is judged."""
    for name, note in notes(record).items():
        if isinstance(note, failures.Failure) and note["code"] in NO_STREAM:
            record["missing"] = {**notes(record), name: dict(note)}


def _reasons(record: Record) -> dict[str, str]:
    """Return why each stream of a record is lost; only that there is none if nothing else is."""
    found = {name: note for name, note in notes(record).items() if isinstance(note, dict)}
    more = {name: note for name, note in found.items() if note.get("code") != f"no_{name}"}
    return {name: str(note.get("message")) for name, note in (more or found).items()}


def _without_passed(record: Record) -> Record:
    """Drop the frames that one stage of this process passed to the next in memory."""
    streams = features.of(record)
    passed = [n for n, f in streams.items() if isinstance(f, dict) and _is_passed(f)]
    if passed:
        record["features"] = {n: f for n, f in streams.items() if n not in passed}
        if not record["features"]:
            del record["features"]
    return record


def _is_passed(feature: Record) -> bool:
    return hasattr(feature.get("array"), "ndim")  # in a record from a file `array` is an object


def _require_all(trained: Bundle, record: Record) -> Record:
    """Return a record whose every stream was used; else raise RecordError naming the others."""
    used = record["features"]["fused"].get("streams") or ()
    reasons = []
    for name, spec in trained.used.items():
        if name not in used:
            note = lost(record, spec["modality"], name) or {}
            reasons.append(f"{name}: {note.get('message', 'not used')}")
    if reasons:
        hint = "--modality names what is needed"
        raise RecordError("missing_modality", f"without {'; '.join(reasons)}", hint=hint)
    return record


class _Fused(NamedTuple):
    """What a model makes of one record."""

    vector: Any  # (dim,)
    unimodal: Record  # stream -> its prediction alone
    gates: Record


def _forward(device: str, trained: Bundle, inputs: Sequence[ModelInputs]) -> Iterator[_Fused]:
    """Yield what the model makes of each record of a batch."""
    import torch

    model = trained.model(device)
    with torch.inference_mode():
        streams, masks = model_inputs.tensors(trained, inputs, device)
        fused = model.fuse(streams, masks).cpu().numpy()
        unimodal = model.unimodal(streams, masks) if hasattr(model, "unimodal") else {}
        gates = model.gates(streams, masks) if hasattr(model, "gates") else {}
    predictions = {n: outputs.unimodal(v.cpu().numpy(), trained) for n, v in unimodal.items()}
    weights = {gate: values.cpu().tolist() for gate, values in gates.items()}
    names = {gate: _gated(gate, model, trained) for gate in gates}
    for row, item in enumerate(inputs):
        present = {name: rows[row] for name, rows in predictions.items() if name in item.values}
        own = {gate: _rounded(names[gate], weights[gate][row]) for gate in gates}
        yield _Fused(fused[row], present, own)


def _gated(gate: str, model: Any, trained: Bundle) -> list[str]:
    """Return what a gate weighs: the parts that the model lists under its name, or the streams."""
    parts = getattr(model, gate, None)
    if parts is None:
        return list(trained.streams)
    return [part if isinstance(part, str) else part[0] for part in parts]


def _rounded(names: list[str], weights: list[float]) -> dict[str, float]:
    return {name: round(weight, 4) for name, weight in zip(names, weights, strict=True)}


def _add(record: Record, trained: Bundle, inputs: ModelInputs, fused: _Fused) -> Record:
    if fused.unimodal:
        record["unimodal"] = fused.unimodal
    else:
        record.pop("unimodal", None)  # of another model
    feature = {
        "modality": "fused",
        "encoder": trained.name,
        "revision": trained.digest,
        "dim": len(fused.vector),
        "streams": list(inputs.values),
        **({"masked_frames": inputs.masked_frames} if inputs.masked_frames else {}),
        **({"gates": fused.gates} if fused.gates else {}),
        "vector": fused.vector,
    }
    record["features"] = {**features.of(record), "fused": feature}
    return record
