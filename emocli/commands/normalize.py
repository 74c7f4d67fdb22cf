"""Standardise features by speaker: how each record differs from what is usual for its voice.

Reads records with `features`, vectors and sequences. Writes the same records with every number
as its distance from the speaker's mean, in the speaker's standard deviations; the feature says so
in `normalized`. The mean is over all records of the speaker, of sequences over all their frames
(as VowelPrompt's first step, Wang et al. 2026, https://arxiv.org/abs/2602.06270). No label is
looked at, so records that are to be judged belong in there; but one alone cannot be normalised.

--by takes another field, such as dataset. --streams leaves the others as they are. Where a speaker
has fewer than --least records with a stream, or a record has no speaker, the stream is gone,
`missing` says why, and the exit status is 1. A model that was trained on normalised streams wants
them: predict and fuse refuse others (exit 3) and do not compute them. Buffers all records, of a
--shard those of the shard; --resume is refused, since the means need every record.

Example:
    emocli encode clips --modality audio | emocli normalize | emocli train --model mlp -o BUNDLE
    emocli encode new --model BUNDLE | emocli normalize | emocli predict --model BUNDLE
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emocli import pipeline, records
from emocli.bundles import model_inputs
from emocli.cli import options
from emocli.errors import RecordError, UsageError
from emocli.io.store import Store
from emocli.pipeline.windows import Window
from emocli.records import Record, failures

if TYPE_CHECKING:
    import numpy as np

    from emocli.signals.z_scores import Moments

Key = tuple[str, str]  # a stream, and whose

By = Annotated[str, typer.Option(metavar="FIELD", help="Whose mean it is.")]
Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Of features (default: all).")
]
Least = Annotated[int, typer.Option(min=2, help="Records that make a mean, at least.")]


@dataclass(frozen=True)
class Plan:
    """What to normalise, by which field, and how many records make a mean."""

    by: str
    streams: tuple[str, ...] | None
    least: int


@options.filter("store")
def command(run: options.Run, by: By = "speaker", streams: Streams = None, least: Least = 5) -> int:
    """Standardise features by speaker: how each record differs from what is usual for its voice."""
    if run.flags["resume"]:
        raise UsageError("--resume: the means need every record")
    names = tuple(streams.split(",")) if streams else None
    return run.through(stage(Plan(by, names, least), run.store), window=Window(float("inf")))


def stage(plan: Plan, store: Store) -> pipeline.Stage:
    """Return the stage that reads all records and then writes them."""

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
                _rows(record, name, store)
                places[name, _whose(record, plan)].append(place)
    features = [model_inputs.features(record) for record in kept]
    if unknown := [n for n in plan.streams or () if not any(n in found for found in features)]:
        raise UsageError(f"--streams {','.join(unknown)}: no record has it")
    return {
        key: moments(_rows(kept[place], key[0], store) for place in found)
        if len(found) >= plan.least
        else len(found)
        for key, found in places.items()
    }


def _wanted(record: Record, plan: Plan) -> list[str]:
    """Return the streams to normalise; UsageError for one that is normalised already."""
    features = model_inputs.features(record)
    names = plan.streams or [n for n, f in features.items() if _modality(f) != "fused"]
    for name in names:
        feature = features.get(name)
        if isinstance(feature, dict) and (by := feature.get("normalized")):
            message = f"{records.name_of(record)}: features.{name} is normalized by {by} already"
            raise UsageError(message, hint="--streams chooses others")
    return [name for name in names if name in features]


def _modality(feature: Any) -> str:
    return str(feature.get("modality")) if isinstance(feature, dict) else ""


def _whose(record: Record, plan: Plan) -> str:
    value = record.get(plan.by)
    if value is None:
        raise RecordError(f"no_{plan.by}", f"no field '{plan.by}'", hint="--by another field")
    return str(value)


def _rows(record: Record, name: str, store: Store) -> np.ndarray:
    """Return a stream's frames (time, dim), or its vector as one; RecordError if there is none."""
    import numpy as np

    feature = record["features"][name]
    try:
        vector = feature.get("vector")
        values = store.array(feature["array"]) if vector is None else vector
        rows = np.atleast_2d(np.asarray(values, np.float32))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise RecordError("bad_feature", f"features.{name} cannot be read: {error}") from None
    if rows.ndim != 2 or rows.shape[1] != feature.get("dim"):
        raise RecordError("bad_shape", f"features.{name} has the shape {rows.shape}")
    if not np.isfinite(rows).all(axis=1).any():
        raise RecordError("not_finite", f"features.{name} has what is no number")
    return rows


def _normal(plan: Plan, store: Store, usual: dict[Key, Moments | int], record: Record) -> Record:
    """Return a record with its features normalised; what cannot be is gone, and in `missing`."""
    found = dict(model_inputs.features(record))
    if not found:
        raise RecordError("no_features", "no field 'features'", hint="run emocli encode first")
    for name in _wanted(record, plan):
        try:
            found[name] = _z_scores(record, name, plan, usual, store)
        except RecordError as error:
            problem = failures.Failure(failures.problem("normalize", error))
            failures.lose(record, problem, _modality(found.pop(name)) or name, name)
    return record | {"features": found}


def _z_scores(
    record: Record, name: str, plan: Plan, usual: dict[Key, Moments | int], store: Store
) -> Record:
    from emocli.signals.z_scores import z_scores

    rows, whose = _rows(record, name, store), _whose(record, plan)
    own = usual[name, whose]
    if isinstance(own, int):
        told = f"{own} record{'' if own == 1 else 's'} with features.{name}"
        message = f"{plan.by} {whose} has {told}, {plan.least} make a mean"
        raise RecordError("too_few", message, hint="--least N")
    feature = record["features"][name]
    values = z_scores(rows, own)
    kept = {key: value for key, value in feature.items() if key not in ("vector", "array")}
    kept["normalized"] = plan.by
    if feature.get("vector") is None:
        return kept | {"array": store.put_array(values)}
    return kept | {"vector": values[0]}
