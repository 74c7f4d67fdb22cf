"""Bring the streams of a record together: what each says alone, and one fused vector.

Reads `features`; what the model needs and the record lacks is computed from `text`, `audio` or the
file at `path`. Adds `unimodal.STREAM` (where the model has an answer per stream) and
`features.fused`, signed with the model's digest and with the model's `gates`, where it has some;
never `prediction`. Streams, in batches.

A stream that is not there is masked and named in `missing`. Text is left out when its language is
not the model's, or when the words were heard with a mean probability below the model's limit.
Features of another encoder, layer or pooling than the model was trained on are an error (exit 3).

Example:
    emocli encode clip.wav | emocli fuse | jq .unimodal
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from emocli import bundle, options, records, stages, windows
from emocli.commands import _streams, _upstream
from emocli.errors import ConfigError, RecordError

Record = dict[str, Any]
Model = Annotated[
    str,
    typer.Option("--model", "-m", metavar="BUNDLE", help="A trained model's folder, or 'default'."),
]
BATCH = 64


@options.filter("store", "device")
def command(run: options.Run, model: Model = "default") -> int:
    """Bring the streams of a record together: what each says alone, and one fused vector."""
    return run.through(stage(run, bundle.read(model)), window=windows.of(run.batch_size(BATCH)))


def stage(run: options.Run, trained: bundle.Bundle) -> stages.Stage:
    """Return the stage that runs what is missing upstream, and then the model up to its fusion."""
    upstream = _upstream.stage(run, trained, lambda record: fused(record, trained))
    return stages.chain(upstream, core(run, trained))


def fused(record: Record, trained: bundle.Bundle) -> bool:
    """Say whether a record carries this very model's fused vector."""
    feature = (record.get("features") or {}).get("fused")
    return isinstance(feature, dict) and feature.get("revision") == trained.digest


def core(run: options.Run, trained: bundle.Bundle) -> stages.Stage:
    """Return the stage that fuses streams which are there already."""
    model = functools.cache(trained.model)

    def fuse(batch: list[Record]) -> list[Record | Exception]:
        vectors = [_tried(record, trained, run) for record in batch]
        there = [i for i, found in enumerate(vectors) if isinstance(found, dict) and found]
        outcomes: list[Record | Exception] = [
            found if isinstance(found, RecordError) else _nothing(record)
            for record, found in zip(batch, vectors, strict=True)
        ]
        if there:
            fused = _forward(model(), trained, [vectors[i] for i in there])
            for i, found in zip(there, fused, strict=True):
                outcomes[i] = _add(batch[i], trained, *found)
        return outcomes

    return stages.batched(
        fuse,
        name="fuse",
        size=run.batch_size(BATCH),
        wanted=lambda record: not fused(record, trained),
    )


def _nothing(record: Record) -> RecordError:
    reasons = [f"{m}: {p.get('message')}" for m, p in (record.get("missing") or {}).items()]
    return RecordError("no_modality", "; ".join(["nothing to go by", *reasons]))


def _tried(record: Record, trained: bundle.Bundle, run: options.Run) -> Any:
    """Return the vectors of a record, or the error that makes it none of the batch."""
    try:
        return _vectors(record, trained, run)
    except RecordError as error:
        return error


def _vectors(record: Record, trained: bundle.Bundle, run: options.Run) -> dict[str, Any]:
    """Return the vectors that are there and count; note in `missing` what does not count."""
    found = {}
    for name, spec in trained.streams.items():
        feature = (record.get("features") or {}).get(name)
        reason = _left_out(record, spec, trained) if feature else None
        if reason is not None:
            note = {"stage": "fuse", **reason}
            record["missing"] = {**(record.get("missing") or {}), spec["modality"]: note}
        elif feature:
            found[name] = _vector(record, name, feature, spec, run)
    return found


def _left_out(record: Record, spec: Record, trained: bundle.Bundle) -> dict[str, str] | None:
    """Say why the text of a record does not count; None when it does."""
    rules = trained.contents.get("text_rules")
    if spec["modality"] != "text" or not rules:
        return None
    language = record.get("language")
    if language is not None and not isinstance(language, str):
        raise RecordError("bad_language", f"language is not a string: {language!r:.60}")
    if language and language.split("-")[0].lower() != rules["language"]:
        message = f"the text is {language}, the model's is {rules['language']}"
        return {"code": "language", "message": message, "hint": ""}
    heard = _heard(record)
    if heard and (mean := sum(heard) / len(heard)) < rules["min_word_probability"]:
        message = f"words were heard with a mean probability of {mean:.2f} only"
        return {"code": "low_word_probability", "message": message, "hint": "a larger --model"}
    return None


def _heard(record: Record) -> list[float]:
    """Return how sure the transcript is of each word."""
    words = record.get("words") or []
    if not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        raise RecordError("bad_words", f"words is not what transcribe adds: {words!r:.60}")
    return [word["probability"] for word in words if word.get("probability") is not None]


def _vector(record: Record, name: str, feature: Any, spec: Record, run: options.Run) -> Any:
    import numpy as np

    if problem := bundle.mismatch(spec, feature):
        raise ConfigError(
            f"{records.name_of(record)}: features.{name}: {problem}",
            hint="encode without --encoder makes what the model needs",
        )
    vector = feature.get("vector")
    values = run.store.array(feature["array"]) if vector is None else vector
    array = np.asarray(values, dtype=np.float32)
    if array.shape != (spec["dim"],) or not np.isfinite(array).all():
        raise ConfigError(
            f"{records.name_of(record)}: features.{name} is not {spec['dim']} numbers"
        )
    return array


def _forward(model: Any, trained: bundle.Bundle, vectors: list[dict[str, Any]]) -> Iterator[Any]:
    """Yield for each record its fused vector, {stream: log-probabilities} and its gates."""
    import numpy as np
    import torch

    streams, masks = {}, {}
    for name, spec in trained.streams.items():
        rows = [v.get(name, np.zeros(spec["dim"], np.float32)) for v in vectors]
        streams[name] = torch.from_numpy(np.stack(rows))
        masks[name] = torch.tensor([name in v for v in vectors])
    with torch.inference_mode():
        fused = model.fuse(streams, masks).numpy()
        alone = model.unimodal(streams) if hasattr(model, "unimodal") else {}
        gates = model.gates(streams, masks) if hasattr(model, "gates") else {}
    alone = {name: values.numpy() for name, values in alone.items()}
    names = {gate: _behind(gate, model, trained) for gate in gates}
    for row, found in enumerate(vectors):
        said = {name: alone[name][row] for name in alone if name in found}
        weights = {gate: values[row].tolist() for gate, values in gates.items()}
        yield fused[row], said, {g: _shown(names[g], weights[g]) for g in gates}


def _behind(gate: str, model: Any, trained: bundle.Bundle) -> list[str]:
    """Return what a gate chooses among: what the model has of its name, else the streams."""
    own = getattr(model, gate, None)
    if own is None:
        return list(trained.streams)
    return [part if isinstance(part, str) else part[0] for part in own]


def _shown(names: list[str], weights: list[float]) -> dict[str, float]:
    return {name: round(weight, 4) for name, weight in zip(names, weights, strict=True)}


def _add(
    record: Record, trained: bundle.Bundle, vector: Any, unimodal: Record, gates: Record
) -> Record:
    if unimodal:
        record["unimodal"] = {
            name: _streams.prediction(values, trained.labels) for name, values in unimodal.items()
        }
    feature = {
        "modality": "fused",
        "encoder": trained.name,
        "revision": trained.digest,
        "dim": len(vector),
        "streams": [
            name
            for name, spec in trained.streams.items()
            if name in (record.get("features") or {})
            and spec["modality"] not in (record.get("missing") or {})
        ],
        **({"gates": gates} if gates else {}),
        "vector": vector,
    }
    record["features"] = {**(record.get("features") or {}), "fused": feature}
    return record
