"""Collect labelled records to train on; large arrays go to files, for any number of records."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from emocli import models, records
from emocli.bundles import specs
from emocli.bundles.heads import Head
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import features, temporary
from emocli.io.ids import UniqueIds
from emocli.io.store import Store
from emocli.records import Record
from emocli.training.data import UNKNOWN, Filed, Frames, Vectors
from emocli.training.groups import Groups
from emocli.training.targets import Targets


class Examples:
    """Labelled records; `groups` keep them together, for a split without leakage.

    `names` are the targets; `fields` are those of --cv.
    """

    def __init__(self, names: Sequence[str], fields: Sequence[str] = ()) -> None:
        self.specs: dict[str, Record] = {}
        self.streams: dict[str, Vectors | Frames] = {}
        self.targets = Targets(names)
        self.groups = Groups(fields)
        self.speakers: list[str | None] = []
        self.datasets: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()  # records
        self.lost: Counter[str] = Counter()  # streams that some records are used without
        self.first: dict[str, str] = {}  # the first such record of each stream
        self.digest = hashlib.blake2b(digest_size=16)  # of the training records
        self.lines = temporary.file()
        self.ids = UniqueIds()

    def __len__(self) -> int:
        return self.targets.count

    def empty(self) -> dict[str, Vectors | Frames]:
        """Return empty streams of the same kinds."""
        return {name: stream.empty() for name, stream in self.streams.items()}

    def data(self, heads: Sequence[Head]) -> Filed:
        """Return the records to train on."""
        numbers = {name: place for place, name in enumerate(self.known_speakers())}
        speakers = torch.tensor([numbers.get(name or "", UNKNOWN) for name in self.speakers])
        places = torch.arange(len(self))
        return Filed(self.streams, self.targets.tensor(heads), places, speakers)

    def known_speakers(self) -> list[str]:
        """Return the speakers, each once, in the order of the records."""
        return [name for name in dict.fromkeys(self.speakers) if name is not None]

    def lose(self, what: str, record: Record) -> None:
        """Count a record that is used without a stream; the first such record is named."""
        self.lost[what] += 1
        self.first.setdefault(what, records.name_of(record))

    def add(self, values: dict[str, Any], number: int) -> None:
        """Keep the streams of the record with this number."""
        for name, stream in self.streams.items():
            while len(stream) < number:  # some earlier records lack this stream
                stream.add(None)
            value = values.get(name)
            if isinstance(stream, Vectors) or value is None:
                stream.add(value)
            else:
                stream.add(value.address, finite=value.finite)
            self.digest.update(_bytes(value))

    def close(self) -> None:
        """Delete the files."""
        for file in (self.lines, *self.streams.values()):
            file.close()

    def finish(self) -> None:
        """Extend all streams to the number of records."""
        for stream in self.streams.values():
            while len(stream) < len(self):
                stream.add(None)


class InStore(NamedTuple):
    """The address of frames (time, dim) in the store, and whether all of them are finite."""

    address: str
    finite: bool


def _bytes(value: Any) -> bytes:
    if value is None:
        return b"-"
    if isinstance(value, InStore):
        return value.address.encode()
    return np.ascontiguousarray(value, np.float32).tobytes()


def collect(
    store: Store,
    source: Iterable[Record],
    examples: Examples,
    streams: Sequence[str] | None,
    keep: bool = False,
) -> Examples:
    """Read all records that have a label and a stream into `examples`.

    `store` has their arrays. With `keep` the records are kept too, to be written.
    """
    for record in source:
        examples.ids.add(record.get("id"))
        if record.get("error"):
            examples.skipped["error"] += 1
            continue
        values = stream_values(store, examples, record, streams)
        if not values or not examples.targets.add(record):
            examples.skipped[examples.targets.lacking() if values else "no stream"] += 1
            continue
        examples.add(values, len(examples) - 1)
        _note(examples, record, keep)
    examples.finish()
    if unknown := [name for name in streams or [] if name not in examples.specs]:
        raise UsageError(f"--streams {','.join(unknown)}: no record has it")
    if not len(examples):
        raise EmptyInputError(f"nothing to train on: {counts(examples) or 'no records'}")
    return examples


def _note(examples: Examples, record: Record, keep: bool) -> None:
    """Note the groups of a record, and keep it without its features if it is to be written."""
    if keep and record.get("augmented"):
        hint = "augment the training part of each fold, or train with --dev"
        message = "--cv would test on mixtures of training records"
        raise UsageError(f"{records.name_of(record)}: {message}", hint=hint)
    groups = examples.groups.add(record)
    examples.speakers.append(record.get("speaker"))
    about = {key: record.get(key) for key in ("id", "speaker", "label")} | groups
    examples.digest.update(records.dumps(about))
    if record.get("augmented"):
        return
    examples.datasets[str(record.get("dataset"))] += 1
    if keep:
        kept = {k: v for k, v in record.items() if k != "features"}
        examples.lines.write(records.dumps(kept))


def stream_values(
    store: Store, examples: Examples, record: Record, names: Sequence[str] | None
) -> dict[str, Any]:
    """Return the vector, or the address of the sequence, of each stream of a record."""
    streams = features.of(record)
    values = {}
    for name in names or [n for n, f in streams.items() if not _is_fused(f)]:
        if name not in streams:
            continue
        try:
            values[name] = _values(store, examples, record, name)
        except RecordError as error:
            examples.lose(f"{name}: {error.code}", record)
    return values


def _is_fused(feature: Any) -> bool:
    return isinstance(feature, dict) and bool(feature.get("modality") == "fused")


def _values(store: Store, examples: Examples, record: Record, name: str) -> Any:
    """Return a vector (dim,), or the address of frames (time, dim) in the store.

    Raises UsageError if a feature does not match those of earlier records.
    """
    stream = features.read(record, name, store)
    feature = features.described(record, name)
    spec = _spec(feature)
    if problem := specs.mismatch(examples.specs.setdefault(name, spec), spec):
        raise UsageError(f"{records.name_of(record)}: features.{name}: {problem}")
    if name not in examples.streams:
        dim, frames = stream.values.shape[-1], partial(_array, store)
        examples.streams[name] = Frames(dim, frames) if stream.timed else Vectors(dim)
    if stream.timed != examples.streams[name].timed:
        shape = "a time axis, others have none" if stream.timed else "no time axis, others have one"
        message = f"{records.name_of(record)}: features.{name} has {shape}"
        raise UsageError(
            message, hint="encode all records in the same way, or choose with --streams"
        )
    if not stream.timed:
        return stream.values
    if stream.masked:
        examples.lose(f"some frames of {name}: not_finite", record)
    return InStore(str(feature["array"]["path"]), not stream.masked)


def _array(store: Store, path: str) -> Any:
    return store.array({"path": path})


def _spec(feature: Record) -> Record:
    return {"modality": feature.get("modality"), **{k: feature.get(k) for k in specs.MATCHED}}


def require_time(model: str, examples: Examples) -> None:
    """Raise UsageError if a stream has a time axis and the model cannot read one."""
    timed = [name for name, stream in examples.streams.items() if stream.timed]
    if timed and not models.takes_time(model):
        capable = ", ".join(name for name in models.names() if models.takes_time(name))
        raise UsageError(
            f"--model {model}: features.{timed[0]} has a time axis",
            hint=f"encode with --pooling, or use one of {capable}",
        )


def counts(examples: Examples) -> str:
    """Return the counts of what was left out, with reasons."""
    parts = [f"{_records(count)} skipped: {why}" for why, count in examples.skipped.items()]
    for what, count in examples.lost.items():
        parts.append(f"{_records(count)} without {what} (the first is {examples.first[what]})")
    return ", ".join(parts)


def _records(count: int) -> str:
    return f"{count} record{'' if count == 1 else 's'}"
