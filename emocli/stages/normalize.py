"""Standardise the features of records by speaker."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from emocli import pipeline, records
from emocli.errors import ConfigError, RecordError, UsageError
from emocli.io import features
from emocli.io.store import Store
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import lose

if TYPE_CHECKING:
    import numpy as np

    from emocli.signals.z_scores import Moments

Key = tuple[str, str]  # a stream and a speaker


@dataclass(frozen=True)
class Plan:
    """What to normalise, by which field, and which records, how many at least, make a mean."""

    by: str
    streams: tuple[str, ...] | None
    least: int
    split: str | None = None  # None: all records

    @property
    def name(self) -> str:
        """What a feature says of its means."""
        return self.by if self.split is None else f"{self.by}, split {self.split}"

    def counts(self, record: Record) -> bool:
        """Say whether a record is one of those that make the means."""
        return self.split is None or record.get("split") == self.split


def stage(context: Context, plan: Plan) -> pipeline.Stage:
    """Return the stage that reads all records and then writes them."""
    store = context.store

    def work(incoming: Iterator[Record]) -> Iterator[Record]:
        kept = list(incoming)
        statistics = _statistics(kept, plan, store)
        normal = partial(_normal, plan, store, statistics)
        yield from pipeline.each(normal, name="normalize")(iter(kept))

    return work


def _statistics(kept: list[Record], plan: Plan, store: Store) -> dict[Key, Moments | int]:
    """Return the moments by stream and speaker, or the record count where it is too small."""
    from emocli.signals.z_scores import moments

    dims: dict[str, int] = {}
    places: defaultdict[Key, list[int]] = defaultdict(list)
    for place, record in enumerate(kept):
        for name in () if record.get("error") else _wanted(record, plan):
            with contextlib.suppress(RecordError):  # reported when the record is written
                dim = features.read(record, name, store).values.shape[-1]
                if dims.setdefault(name, dim) != dim:
                    what = f"{records.name_of(record)}: features.{name} has dim {dim}"
                    raise UsageError(f"{what}, others have {dims[name]}")
                speaker = _speaker(record, plan)
                if plan.counts(record):
                    places[name, speaker].append(place)
    if plan.split is not None and not any(plan.counts(record) for record in kept):
        raise UsageError(f"--split {plan.split}: no record has it")
    names = {name for record in kept for name in features.of(record)}
    if unknown := [name for name in plan.streams or () if name not in names]:
        raise UsageError(f"--streams {','.join(unknown)}: no record has it")
    return {
        key: moments(_rows(kept[place], key[0], store) for place in members)
        if len(members) >= plan.least
        else len(members)
        for key, members in places.items()
    }


def _wanted(record: Record, plan: Plan) -> list[str]:
    """Return the streams to normalise; ConfigError for one that is already normalised."""
    streams = features.of(record)
    names = plan.streams or [n for n, f in streams.items() if _modality(f) != "fused"]
    for name in names:
        feature = streams.get(name)
        by = feature.get("normalized") if isinstance(feature, dict) else None
        if by and isinstance(by, str):  # of another type it is a fault of the feature
            message = f"{records.name_of(record)}: features.{name} is already normalized by {by}"
            raise ConfigError(message, hint="not twice: --streams chooses others")
    return [name for name in names if name in streams]


def _modality(feature: Any) -> str:
    return str(feature.get("modality")) if isinstance(feature, dict) else ""


def _speaker(record: Record, plan: Plan) -> str:
    value = record.get(plan.by)
    if value is None:
        raise RecordError(f"no_{plan.by}", f"no field '{plan.by}'", hint="--by another field")
    return str(value)


def _normal(
    plan: Plan, store: Store, statistics: dict[Key, Moments | int], record: Record
) -> Record:
    """Return a record with its features normalised; those that cannot be move to `missing`."""
    streams = dict(features.checked(record))
    if not streams:
        raise RecordError("no_features", "no field 'features'", hint="run emocli encode first")
    for name in _wanted(record, plan):
        try:
            streams[name] = _z_scores(record, name, plan, statistics, store)
        except RecordError as error:
            problem = failures.Failure(failures.problem("normalize", error))
            lose(record, problem, _modality(streams.pop(name)) or name, name)
    return record | {"features": streams}


def _z_scores(
    record: Record, name: str, plan: Plan, statistics: dict[Key, Moments | int], store: Store
) -> Record:
    from emocli.signals.z_scores import z_scores

    stream, speaker = features.read(record, name, store), _speaker(record, plan)
    moments = statistics.get((name, speaker), 0)
    if isinstance(moments, int):
        where = "" if plan.split is None else f" of split {plan.split}"
        count = f"{moments} record{'' if moments == 1 else 's'}{where} with features.{name}"
        message = f"{plan.by} {speaker} has {count}, a mean needs {plan.least}"
        raise RecordError("too_few", message, hint="--least N")
    feature = features.description(features.described(record, name)) | {"normalized": plan.name}
    if stream.warning:
        feature["warning"] = stream.warning
    inline = record["features"][name].get("vector") is not None
    return features.with_values(feature, z_scores(stream.values, moments), store, inline=inline)


def _rows(record: Record, name: str, store: Store) -> np.ndarray:
    """Return a stream's frames (time, dim), or its vector as a single frame."""
    import numpy as np

    return np.atleast_2d(features.read(record, name, store).values)
