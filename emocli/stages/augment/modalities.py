"""Copies of records without some of their modalities, or some of their frames."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from emocli import pipeline
from emocli.errors import RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.pipeline import parts
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import lose, notes
from emocli.records.modality import MODALITIES, available

DERIVED = ("prediction", "unimodal")  # fields computed from all modalities
NOTE = {"stage": "augment", "code": "dropped", "message": "left out on purpose", "hint": ""}


@dataclass(frozen=True)
class Plan:
    """Which copies to make."""

    protocols: tuple[str, ...]
    rates: tuple[float, ...]
    seed: int


def stage(context: Context, plan: Plan) -> pipeline.Stage:
    """Return the stage that writes copies in place of each record, one record at a time."""
    return parts.apart(in_copies(context, plan))


def in_copies(context: Context, plan: Plan) -> pipeline.Stage:
    """Return the stage whose records carry their copies as parts."""
    return pipeline.each(partial(_with_copies, plan=plan, store=context.store), name="augment")


def _with_copies(record: Record, plan: Plan, store: Store) -> Record:
    return parts.replaced(record, copies(record, plan, store))


def copies(record: Record, plan: Plan, store: Store) -> Iterator[Record]:
    """Yield the copies of a record; RecordError if it has no features to leave out."""
    name, present = record.get("id"), modalities(record)
    if not isinstance(name, str):
        raise RecordError("no_id", f"id is not a string: {name!r:.60}")
    if "condition" in record:
        raise RecordError("has_condition", f"is already a copy: {record['condition']!r:.60}")
    if "subsets" in plan.protocols:
        for kept in subsets(present):
            yield _copy(record, kept, ("modalities", "+".join(kept)), plan)
    if "dropout" in plan.protocols:
        draws = {modality: draw(plan.seed, modality, name) for modality in present}
        for rate in plan.rates:
            yield _copy(record, survivors(draws, rate), ("dropout", rate), plan)
    if "frames" in plan.protocols:
        for rate in plan.rates:
            copy = _copy(record, present, ("frame_loss", rate), plan)
            yield _thinned(copy, (plan.seed, name), rate, store)


def modalities(record: Record) -> list[str]:
    """Return the modalities of a record's streams, sorted."""
    streams = record.get("features")
    if not isinstance(streams, dict) or not all(isinstance(f, dict) for f in streams.values()):
        raise RecordError("no_features", "no field 'features'", hint="run emocli encode first")
    names = {feature.get("modality") for feature in streams.values()} - {"fused"}
    if not names or not all(isinstance(name, str) for name in names):
        raise RecordError("no_modality", "features without a modality", hint="run emocli encode")
    return sorted(names)


def subsets(names: list[str]) -> Iterator[list[str]]:
    """Yield every non-empty subset of names, smaller ones first.

    >>> [*subsets(["audio", "text"])]
    [['audio'], ['text'], ['audio', 'text']]
    """
    for size in range(1, len(names) + 1):
        yield from map(list, combinations(names, size))


def draw(seed: int, *names: str) -> float:
    """Return a uniform number in [0, 1) that depends only on seed and names."""
    text = repr((seed, *names)).encode("utf-8", "backslashreplace")
    return (int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 11) / 2**53


def survivors(draws: dict[str, float], rate: float) -> list[str]:
    """Return the names that are kept: those drawn at the rate or above, else the greatest.

    >>> survivors({"audio": 0.25, "text": 0.5}, 0.3), survivors({"audio": 0.25, "text": 0.5}, 0.7)
    (['text'], ['text'])
    """
    kept = [name for name, value in draws.items() if value >= rate]
    return kept or [max(draws, key=draws.__getitem__)]


def _copy(record: Record, kept: list[str], condition: tuple[str, Any], plan: Plan) -> Record:
    kind, value = condition
    copy = {field: content for field, content in record.items() if field not in DERIVED}
    streams = {name: f for name, f in record["features"].items() if f.get("modality") in kept}
    computable = {name for name in MODALITIES if available(record, name)}
    dropped = sorted((set(modalities(record)) | computable) - set(kept))
    if dropped or record.get("missing"):
        copy["missing"] = dict.fromkeys(dropped, NOTE) | notes(record)
    return copy | {
        "id": f"{record['id']}#{kind}={value}",
        "features": streams,
        "condition": {kind: value},
        "augmented": {"method": "modalities", "seed": plan.seed, "from": [record["id"]]},
    }


def _thinned(record: Record, key: tuple[int, str], rate: float, store: Store) -> Record:
    """Return a copy whose sequences (time, dim) have lost frames; RecordError without sequences.

    At least one finite frame is kept; a stream without finite frames is left out.
    """
    import numpy as np

    sequences = 0
    record = record | {"features": dict(record["features"])}
    for stream, feature in list(record["features"].items()):
        if not feature.get("array"):
            continue
        try:
            frames = features.read(record, stream, store)
        except RecordError as error:
            problem = failures.Failure(failures.problem("augment", error))
            lose(record, problem, feature["modality"], stream)
            del record["features"][stream]
            continue
        if frames.timed:
            sequences += 1
            first = int(draw(key[0], stream, key[1]) * 2**53)
            draws = np.random.default_rng(first).random(len(frames.values))
            kept = draws >= min(rate, draws[frames.finite].max())
            record["features"][stream] = feature | {"array": store.put_array(frames.values[kept])}
    if not sequences:
        hint = "emocli encode --pooling frames keeps it"
        raise RecordError("no_frames", "no stream has a time axis", hint=hint)
    return record
