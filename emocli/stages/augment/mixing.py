"""The rows that records are compared by, and mixtures of two: sound, text, features, labels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from emocli import pipeline
from emocli.bundles.specs import mismatch
from emocli.errors import RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.records.labels import ordered
from emocli.records.missing import notes
from emocli.signals import dime
from emocli.stages.augment import targets

ROW = "\0row"  # the vector that a record is compared by; never written
# Fields that a mixture needs.
SOURCE = ("id", "path", "start", "end", "audio", "text", "label", "missing")
SHARED = ("speaker", "dataset", "language")  # fields that a mixture keeps if both records agree
DECODER = "emocli augment dime"


def has_audio(record: Record) -> bool:
    """Say whether a record has sound, or names a file that may have it."""
    return bool(record.get("audio") or record.get("path"))


def passed_over(record: Record, kind: str) -> bool:
    """Say whether a record is known to have no sound to mix: a text, or one noted in `missing`."""
    only_text = isinstance(record.get("text"), str) and not has_audio(record)
    return kind == "audio" and (only_text or "audio" in notes(record))


def slim(record: Record, kind: str) -> Record:
    """Return the fields of a record that are kept during the search for neighbours."""
    kept = {name: record[name] for name in (*SOURCE, *SHARED) if name in record}
    kept["label"] = {"distribution": targets.shares(record)}
    return kept if kind == "audio" else kept | {"features": record.get("features")}


def measure(context: Context, kind: str) -> pipeline.Stage:
    """Return the stage that adds ROW to records: from sound and words, or from vectors."""
    if kind == "audio":
        return pipeline.each(
            partial(_acoustic_row, store=context.store), name="augment", jobs=context.jobs
        )
    return pipeline.each(partial(_feature_row, store=context.store, specs={}), name="augment")


def _acoustic_row(record: Record, store: Store) -> Record:
    from emocli.signals import spectral

    if not has_audio(record):
        hint = "--mix features, if all records have features"
        raise RecordError("no_audio", "no file and no audio", hint=hint)
    text = record.get("text")
    if not isinstance(text, str | None):
        raise RecordError("bad_text", f"text is not a string: {text!r:.80}")
    acoustic = spectral.summary(audio.samples(record, store))
    row = np.concatenate([acoustic, dime.lexical_counts(text or "")])
    return record | {ROW: row.astype(np.float32)}


def _feature_row(record: Record, store: Store, specs: Record) -> Record:
    """Concatenate the vectors of a record; the first record decides which streams there are."""
    streams = features.of(record)
    if not streams:
        raise RecordError("no_features", "no field 'features'", hint="run emocli encode first")
    vectors = {
        name: _vector(record, name, store)
        for name, feature in streams.items()
        if isinstance(feature, dict) and feature.get("modality") != "fused"
    }
    described = {
        name: {k: v for k, v in features.description(streams[name]).items() if k != "warning"}
        | {"dim": len(vector)}
        for name, vector in vectors.items()
    }
    if not specs:
        specs |= described
    if set(specs) != set(described):
        present, expected = ", ".join(described), ", ".join(specs)
        message = f"has the streams {present}, the first record has {expected}"
        raise RecordError("other_streams", message)
    for name, spec in specs.items():
        if problem := mismatch(spec, described[name]):
            raise RecordError("other_features", f"features.{name}: {problem}")
    row = np.concatenate([vectors[name] for name in specs])
    return record | {ROW: row, "features": specs}


def _vector(record: Record, stream: str, store: Store) -> Any:
    feature = features.read(record, stream, store)
    if feature.timed:
        hint = "only pooled vectors are mixed; emocli augment dime --mix audio mixes sound"
        raise RecordError("not_a_vector", f"features.{stream} is not a vector", hint=hint)
    return feature.values


def mixed(pair: tuple[Record, Record], rows: tuple[Any, Any], alpha: float, store: Store) -> Record:
    """Return the mixture that lies alpha of the way from the first record to the second."""
    first, second = pair
    made: Record = {"speaker": None}
    made |= {k: first[k] for k in SHARED if first.get(k) is not None and first[k] == second.get(k)}
    if "features" in first:
        made["features"] = _features(first["features"], dime.between(*rows, alpha))
    else:
        made["audio"] = _audio(pair, alpha, store)
    nearer = first if alpha < 0.5 else second
    if nearer.get("text") is not None:
        made["text"] = nearer["text"]
    distributions = [record["label"]["distribution"] for record in pair]
    names = ordered({*distributions[0], *distributions[1]})
    values = [np.array([shares.get(n, 0.0) for n in names]) for shares in distributions]
    shares = dime.shares(values[0], values[1], alpha).tolist()
    made["label"] = {"emotion": None, "distribution": dict(zip(names, shares, strict=True))}
    return made


def _audio(pair: tuple[Record, Record], alpha: float, store: Store) -> Record:
    from emocli.signals.audio import SAMPLE_RATE_HZ, duration
    from emocli.signals.sound_faults import told

    first, second = (audio.samples(record, store) for record in pair)
    samples = dime.between(first, second, alpha).astype(np.float32)
    warning = told(record["audio"].get("warning") for record in pair if record.get("audio"))
    made: Record = {
        "path": audio.keep(samples, store),
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "duration": duration(samples),
        "channels": 1,
        "decoder": DECODER,
    }
    return made | {"warning": warning} if warning else made


def _features(specs: Record, row: Any) -> Record:
    """Return the features whose vectors are concatenated in a row."""
    streams, start = {}, 0
    for stream, spec in specs.items():
        vector = row[start : start + spec["dim"]].astype(np.float32)
        streams[stream] = spec | {"vector": vector}
        start += spec["dim"]
    return streams
