"""Bring the streams of a record together: what each says alone, and one fused vector.

Reads `features`, vectors or sequences (encode --pooling frames); what the model needs and the
record lacks is computed from `text`, `audio` or the file at `path`. Adds `unimodal.STREAM` (where
the model has an answer per stream) and `features.fused`, signed with the model's digest: `streams`
says which were used, `masked_frames` how many frames of a sequence were not, `gates` what the model
weighed, where it has gates; never `prediction`. Streams, in batches of like length.

A stream that is not there is masked and named in `missing`. So is one that is broken (a number that
is none, another shape, a file that is not in the store); the exit status is 1 then, and a note that
says `stream` is about that one alone. Text is left out when its language is not the model's, or
when the words were heard with a mean probability below the model's limit. With --strict-modalities
a record of which not every stream is used is an error. Features of another encoder, layer or
pooling than the model was trained on, and sequences for a model that takes vectors, end the run
(exit 3). Frames that are computed here are used and not kept: encode them to keep them.

Example:
    emocli encode clip.wav | emocli fuse | jq .unimodal
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from emocli import models, pipeline
from emocli.bundles import bundle, model_inputs, outputs
from emocli.cli import options
from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.pipeline import windows
from emocli.records import Record, failures
from emocli.stages import upstream

Model = Annotated[
    str,
    typer.Option("--model", "-m", metavar="BUNDLE", help="A trained model's folder, or 'default'."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict-modalities", help="A record without all of the streams is an error."),
]
BATCH = 64
FRAMES = 32_768  # in a batch at most: 50 MB of 384 numbers each


@options.filter("store", "device")
def command(run: options.Run, model: Model = "default", strict_modalities: Strict = False) -> int:
    """Bring the streams of a record together: what each says alone, and one fused vector."""
    work = stage(run, bundle.read(model), strict=strict_modalities)
    return run.through(work, window=windows.of(run.batch_size(BATCH)))


def stage(run: options.Run, trained: bundle.Bundle, *, strict: bool = False) -> pipeline.Stage:
    """Return the stage that runs what is missing upstream, and then the model up to its fusion."""
    done = functools.partial(fused, trained=trained)
    frames = any(map(bundle.timed, trained.streams.values()))
    return pipeline.chain(
        lambda rows: (r if r.get("error") or done(r) else model_inputs.forget(r) for r in rows),
        upstream.stage(run, trained, done),
        core(run, trained),
        *([functools.partial(map, _without_passed)] if frames else []),
        *([pipeline.each(functools.partial(_whole, trained), name="fuse")] if strict else []),
    )


def fused(record: Record, trained: bundle.Bundle) -> bool:
    """Say whether a record carries this very model's fused vector."""
    feature = model_inputs.features(record).get("fused")
    return isinstance(feature, dict) and feature.get("revision") == trained.digest


def core(run: options.Run, trained: bundle.Bundle) -> pipeline.Stage:
    """Return the stage that fuses streams which are there already."""
    store = run.store
    model = functools.cache(lambda: _loaded(run, trained))
    timed = functools.cache(lambda: models.takes_time(trained.contents["architecture"]))

    def fuse(batch: list[Record]) -> list[Record | Exception]:
        found = [_tried(record, trained, timed(), store) for record in batch]
        there = [i for i, given in enumerate(found) if isinstance(given, model_inputs.Given)]
        outcomes: list[Any] = list(found)
        if there:
            given = [found[i] for i in there]
            for i, parts in zip(there, _forward(*model(), trained, given), strict=True):
                outcomes[i] = _add(batch[i], trained, found[i], *parts)
        return outcomes

    return pipeline.batched(
        fuse,
        name="fuse",
        size=run.batch_size(BATCH),
        length=_frames if any(map(bundle.timed, trained.streams.values())) else None,
        budget=FRAMES,
        wanted=lambda record: not fused(record, trained),
    )


def _loaded(run: options.Run, trained: bundle.Bundle) -> tuple[Any, str]:
    """Return the model and its device."""
    from emocli.pipeline import devices

    device = devices.pick(run.flags["device"])
    return trained.model().to(device), device


def _frames(record: Record) -> float:
    """Return how many frames a record's sequences have."""
    arrays = [f.get("array") for f in model_inputs.features(record).values() if isinstance(f, dict)]
    shapes = [a["shape"] if isinstance(a, dict) else a.shape for a in arrays if a is not None]
    return float(sum(shape[0] for shape in shapes))


def _tried(record: Record, trained: bundle.Bundle, timed: bool, store: Store) -> Any:
    """Return what of a record counts, or the error that makes it none of the batch."""
    try:
        given = model_inputs.of_record(record, trained, timed, store)
    except RecordError as error:
        return error
    if given.values:
        return given
    notes = (record.get("missing") or {}).items()
    reasons = [f"{n}: {note.get('message')}" for n, note in notes if isinstance(note, dict)]
    return RecordError("no_modality", "; ".join(["nothing to go by", *reasons]))


def _without_passed(record: Record) -> Record:
    """Drop the frames that one stage of this process passed to another."""
    features = model_inputs.features(record)
    passed = [n for n, f in features.items() if isinstance(f, dict) and _is_passed(f)]
    if passed:
        record["features"] = {n: f for n, f in features.items() if n not in passed}
        if not record["features"]:
            del record["features"]
    return record


def _is_passed(feature: Record) -> bool:
    return hasattr(feature.get("array"), "ndim")  # in a record that was read it is an object


def _whole(trained: bundle.Bundle, record: Record) -> Record:
    """Return a record of which every stream was used, or raise RecordError naming the others."""
    used = record["features"]["fused"].get("streams") or ()
    why = []
    for name, spec in trained.streams.items():
        if name not in used:
            note = failures.lost(record, spec["modality"], name) or {}
            why.append(f"{name}: {note.get('message', 'not used')}")
    if why:
        raise RecordError("missing_modality", f"without {'; '.join(why)}")
    return record


def _forward(
    model: Any, device: str, trained: bundle.Bundle, given: Sequence[model_inputs.Given]
) -> Iterator[Any]:
    """Yield for each record its fused vector, what each stream says alone, and the gates."""
    import torch

    with torch.inference_mode():
        streams, masks = model_inputs.tensors(trained, given, device)
        fused = model.fuse(streams, masks).cpu().numpy()
        alone = model.unimodal(streams, masks) if hasattr(model, "unimodal") else {}
        gates = model.gates(streams, masks) if hasattr(model, "gates") else {}
    said = {n: outputs.alone(values.cpu().numpy(), trained) for n, values in alone.items()}
    weights = {gate: values.cpu().tolist() for gate, values in gates.items()}
    names = {gate: _behind(gate, model, trained) for gate in gates}
    for row, found in enumerate(given):
        unimodal = {name: said[name][row] for name in said if name in found.values}
        yield fused[row], unimodal, {g: _shown(names[g], weights[g][row]) for g in gates}


def _behind(gate: str, model: Any, trained: bundle.Bundle) -> list[str]:
    """Return what a gate chooses among: what the model has of its name, else the streams."""
    own = getattr(model, gate, None)
    if own is None:
        return list(trained.streams)
    return [part if isinstance(part, str) else part[0] for part in own]


def _shown(names: list[str], weights: list[float]) -> dict[str, float]:
    return {name: round(weight, 4) for name, weight in zip(names, weights, strict=True)}


def _add(
    record: Record, trained: bundle.Bundle, given: model_inputs.Given, vector: Any, *more: Record
) -> Record:
    unimodal, gates = more
    if unimodal:
        record["unimodal"] = unimodal
    else:
        record.pop("unimodal", None)  # another model's
    feature = {
        "modality": "fused",
        "encoder": trained.name,
        "revision": trained.digest,
        "dim": len(vector),
        "streams": list(given.values),
        **({"masked_frames": given.lost} if given.lost else {}),
        **({"gates": gates} if gates else {}),
        "vector": vector,
    }
    record["features"] = {**model_inputs.features(record), "fused": feature}
    return record
