"""Standardise the features of records by speaker."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from emocli import pipeline, records
from emocli.errors import RecordError, UsageError
from emocli.io import features
from emocli.io.store import Store
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import lose

if TYPE_CHECKING:
    import numpy as np

    from emocli.signals.z_scores import Moments

Key = tuple[str, str]  # a stream, and whose


@dataclass(frozen=True)
class Plan:
    """What to normalise, by which field, and how many records make a mean."""

    by: str
    streams: tuple[str, ...] | None
    least: int


def stage(context: Context, plan: Plan) -> pipeline.Stage:
    """Return the stage that reads all records and then writes them."""
    store = context.store

    def work(incoming: Iterator[Record]) -> Iterator[Record]:
        kept = list(incoming)
        usual = _usual(kept, plan, store)
        yield from pipeline.each(partial(_normal, plan, store, usual), name="normalize")(iter(kept))

    return work


def _usual(kept: list[Record], plan: Plan, store: Store) -> dict[Key, Moments | int]:
    """Return the moments of each stream and speaker, or of how few records they would be."""
    from emocli.signals.z_scores import moments

    places: defaultdict[Key, list[int]] = defaultdict(list)
    for place, record in enumerate(kept):
        for name in () if record.get("error") else _wanted(record, plan):
            with contextlib.suppress(RecordError):  # is noted when the record is written
                features.read(record, name, store)
                places[name, _whose(record, plan)].append(place)
    names = {name for record in kept for name in features.of(record)}
    if unknown := [name for name in plan.streams or () if name not in names]:
        raise UsageError(f"--streams {','.join(unknown)}: no record has it")
    return {
        key: moments(_rows(kept[place], key[0], store) for place in found)
        if len(found) >= plan.least
        else len(found)
        for key, found in places.items()
    }


def _wanted(record: Record, plan: Plan) -> list[str]:
    """Return the streams to normalise; UsageError for one that is normalised already."""
    streams = features.of(record)
    names = plan.streams or [n for n, f in streams.items() if _modality(f) != "fused"]
    for name in names:
        feature = streams.get(name)
        if isinstance(feature, dict) and (by := feature.get("normalized")):
            message = f"{records.name_of(record)}: features.{name} is normalized by {by} already"
            raise UsageError(message, hint="--streams chooses others")
    return [name for name in names if name in streams]


def _modality(feature: Any) -> str:
    return str(feature.get("modality")) if isinstance(feature, dict) else ""


def _whose(record: Record, plan: Plan) -> str:
    value = record.get(plan.by)
    if value is None:
        raise RecordError(f"no_{plan.by}", f"no field '{plan.by}'", hint="--by another field")
    return str(value)


def _normal(plan: Plan, store: Store, usual: dict[Key, Moments | int], record: Record) -> Record:
    """Return a record with its features normalised; what cannot be is gone, and in `missing`."""
    found = dict(features.of(record))
    if not found:
        raise RecordError("no_features", "no field 'features'", hint="run emocli encode first")
    for name in _wanted(record, plan):
        try:
            found[name] = _z_scores(record, name, plan, usual, store)
        except RecordError as error:
            problem = failures.Failure(failures.problem("normalize", error))
            lose(record, problem, _modality(found.pop(name)) or name, name)
    return record | {"features": found}


def _z_scores(
    record: Record, name: str, plan: Plan, usual: dict[Key, Moments | int], store: Store
) -> Record:
    from emocli.signals.z_scores import z_scores

    stream, whose = features.read(record, name, store), _whose(record, plan)
    own = usual[name, whose]
    if isinstance(own, int):
        count = f"{own} record{'' if own == 1 else 's'} with features.{name}"
        message = f"{plan.by} {whose} has {count}, {plan.least} make a mean"
        raise RecordError("too_few", message, hint="--least N")
    feature = features.description(record["features"][name]) | {"normalized": plan.by}
    if stream.warning:
        feature["warning"] = stream.warning
    inline = record["features"][name].get("vector") is not None
    return features.with_values(feature, z_scores(stream.values, own), store, inline=inline)


def _rows(record: Record, name: str, store: Store) -> np.ndarray:
    """Return a stream's frames (time, dim), or its vector as one."""
    import numpy as np

    return np.atleast_2d(features.read(record, name, store).values)
