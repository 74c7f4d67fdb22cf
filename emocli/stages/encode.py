"""The streams of a record: which encoder makes each, and how features come into records."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emocli import pipeline
from emocli.bundles import bundle, model_inputs
from emocli.cli import options
from emocli.errors import RecordError, UsageError
from emocli.io import conversation
from emocli.io.store import Store
from emocli.records import Record, failures
from emocli.stages import audio_encoders

Spec = dict[str, Any]  # what a stream is: stream, modality, encoder, layer, pooling, ...

BATCH = {"text": 32, "audio": 16}  # fastest of 4 to 64 on two cores
AUDIO_BUDGET = 480.0  # seconds of audio in a batch at most: sixteen windows of 30 s
PLAIN = {  # where neither a flag nor a bundle says: our choice, the middle of tiny.en
    "text": {"encoder": "all-minilm-l6-v2", "layer": -1, "pooling": "mean"},
    "audio": {
        "encoder": "whisper-tiny.en",
        "layer": [2],
        "pooling": "mean+std",
        "level_dbfs": -26.0,
    },
}
KEPT = ("adapter", "level_dbfs", "context")  # what else features say of how they were made
INLINE, STORED = "inline", "store"
PASSED = "passed"  # frames go on to the next stage of this process, and nowhere else


def plain(modality: str, encoder: str | None) -> Spec:
    """Return what a stream is where neither a flag nor a bundle says."""
    prosody = modality == "audio" and encoder == audio_encoders.PROSODY
    return {**PLAIN[modality], **(audio_encoders.PLAIN if prosody else {})}


def of_bundle(trained: bundle.Bundle, modality: str | None = None) -> list[Spec]:
    """Return what a bundle's streams must be; of the modalities given, if any."""
    specs = [{"stream": name, **spec} for name, spec in trained.streams.items()]
    if modality is None:
        return specs
    wanted = modality.split(",")
    missing = set(wanted) - {spec["modality"] for spec in specs}
    if missing:
        raise UsageError(
            f"--modality {modality}: the model {trained.contents['name']} has no"
            f" {', '.join(sorted(missing))} stream",
            hint="--encoder names an encoder of your choice",
        )
    return [spec for spec in specs if spec["modality"] in wanted]


def turns(specs: list[Spec]) -> int:
    """Return how many turns before a record its streams need."""
    return max((spec.get("context") or 0 for spec in specs), default=0)


def stage(
    run: options.Run,
    spec: Spec,
    trained: bundle.Bundle | None,
    *,
    keep: str = INLINE,
    skip: Callable[[Record], bool] | None = None,
) -> pipeline.Stage:
    """Return the stage that adds one stream's features; to records that `skip` does not name."""
    modality = spec["modality"]
    work = {"text": _texts, "audio": _waveforms}.get(modality)
    if work is None:  # there is no encoder: such features come from elsewhere
        return lambda records: records
    encoder = functools.cache(lambda: _load(run, spec, trained))

    def encode(batch: list[Record]) -> Sequence[Record | Exception]:
        try:
            outcomes = work(batch, spec, run.store, encoder)
        except Exception as error:
            _alone(error, spec, trained)
            raise
        return [
            outcome if isinstance(outcome, Exception | dict) else _add(r, spec, outcome, run, keep)
            for r, outcome in zip(batch, outcomes, strict=True)
        ]

    return pipeline.batched(
        encode,
        name="encode",
        modality=modality,
        size=run.batch_size(BATCH[modality]),
        length=_text_length if modality == "text" else _seconds,
        budget=float("inf") if modality == "text" else AUDIO_BUDGET,
        wanted=lambda r: wanted(r, spec) and not (skip and skip(r)),
    )


def wanted(record: Record, spec: Spec) -> bool:
    """Say whether a record still needs this stream and has not given it up."""
    there = model_inputs.features(record).get(spec["stream"])
    return there is None and failures.lost(record, spec["modality"], spec["stream"]) is None


def _alone(error: Any, spec: Spec, trained: bundle.Bundle | None) -> None:
    """Let what fails in a stream's encoder be that stream's failure, not its modality's."""
    if getattr(error, "modality", None) is None:
        error.stream = spec["stream"]
        kinds = [s["modality"] for s in trained.streams.values()] if trained else []
        error.others_can_go_on = kinds.count(spec["modality"]) > 1


def _text_length(record: Record) -> float:
    return float(len(record["text"]))


def _seconds(record: Record) -> float:
    return float(record["audio"]["duration"])


def _load(run: options.Run, spec: Spec, trained: bundle.Bundle | None) -> Any:
    """Return (encoder, revision) of a stream."""
    if spec["modality"] == "audio":
        return audio_encoders.load(run, spec)
    from emocli import hub
    from emocli.encoders import transformer_text
    from emocli.pipeline import devices

    folder = hub.resolve(spec["encoder"], offline=run.flags["offline"])
    device = devices.pick(run.flags["device"])
    dtype = devices.numbers(run.flags["dtype"], device)
    adapter = trained.adapter(spec["stream"]) if trained and spec.get("adapter") else None
    model = transformer_text.load(folder, device, dtype, adapter=adapter)
    return model, hub.revision(spec["encoder"])


def _texts(batch: list[Record], spec: Spec, _store: Store, encoder: Any) -> list[Any]:
    """Return per record (vector, revision, warning), the record with a note, or an error."""
    outcomes: list[Any] = [_text_of(record) for record in batch]
    chosen = [i for i, text in enumerate(outcomes) if isinstance(text, str)]
    if chosen:
        from emocli.encoders import transformer_text

        model, revision = encoder()
        for i in chosen:
            if turns := spec.get("context"):
                outcomes[i] = transformer_text.joined(model, conversation.spoken(batch[i], turns))
        texts = [outcomes[i] for i in chosen]
        vectors = transformer_text.encode(
            model, texts, layer=spec["layer"], pooling=spec["pooling"]
        )
        for i, vector in zip(chosen, vectors, strict=True):
            over = transformer_text.overflow(model, outcomes[i])
            note = f"{over} tokens beyond the limit of {model.limit} left out" if over else None
            outcomes[i] = (vector, revision, note)
    return outcomes


def _text_of(record: Record) -> Any:
    text = record.get("text")
    if text is not None and not isinstance(text, str):
        return RecordError("bad_text", f"text is not a string: {text!r:.60}")
    if text is None and not _other(record, "text"):
        return RecordError("no_text", "no field 'text'", hint="run emocli transcribe first")
    if text is None:
        return _note(record, "text", "no_text", "no text", "emocli transcribe adds it")
    if text.strip():
        return text
    if not _other(record, "text"):
        return RecordError("empty_text", "the text is empty", hint="a record needs words or a path")
    return _note(record, "text", "no_speech", "no words were heard", "")


def _waveforms(batch: list[Record], spec: Spec, store: Store, encoder: Any) -> list[Any]:
    """Return per record (vector, revision, None), the record with a note, or an error."""
    outcomes: list[Any] = [_samples_of(record, spec, store) for record in batch]
    chosen = [i for i, o in enumerate(outcomes) if not isinstance(o, Exception | dict)]
    if chosen:
        heard, revision = encoder()
        vectors = heard([outcomes[i] for i in chosen])
        for i, vector in zip(chosen, vectors, strict=True):
            outcomes[i] = (vector, revision, None)
    return outcomes


def _samples_of(record: Record, spec: Spec, store: Store) -> Any:
    from emocli.commands import extract_audio
    from emocli.encoders import levels, speech_windows

    if not (record.get("path") or record.get("audio")):
        if _other(record, "audio"):
            return _note(record, "audio", "no_audio", "no audio", "the record names no file")
        return RecordError("no_audio", "no file and no audio", hint="a record needs a path")
    try:
        samples = extract_audio.samples(record, store)
        levels.require_length(samples)
    except RecordError as error:
        return error
    if speech_windows.is_silent(samples):
        return _note(record, "audio", "silence", "nothing but silence", "was the microphone on?")
    level = spec.get("level_dbfs")
    return samples if level is None else levels.normalise_level(samples, level)


def _other(record: Record, modality: str) -> bool:
    if modality == "audio":
        return record.get("text") is not None
    return bool(record.get("path") or record.get("audio") or record.get("features"))


def _note(record: Record, modality: str, code: str, message: str, hint: str) -> Record:
    """Note that a modality is not there; that is no failure."""
    note = {"stage": "encode", "code": code, "message": message, "hint": hint}
    record["missing"] = {**(record.get("missing") or {}), modality: note}
    return record


def _add(record: Record, spec: Spec, outcome: Any, run: options.Run, keep: str) -> Record:
    vector, revision, warning = outcome
    feature: Record = {
        "modality": spec["modality"],
        "encoder": Path(spec["encoder"]).name if "/" in spec["encoder"] else spec["encoder"],
        "revision": revision,
        "layer": spec["layer"],
        "pooling": spec["pooling"],
        "dim": int(vector.shape[-1]),
    }
    feature |= {key: spec[key] for key in KEPT if spec.get(key) is not None}
    if warning:
        feature["warning"] = warning
    if vector.ndim == 1 and keep != STORED:
        feature["vector"] = vector
    else:
        feature["array"] = vector if keep == PASSED else run.store.put_array(vector)
    record["features"] = {**model_inputs.features(record), spec["stream"]: feature}
    return record


def prediction(log_probabilities: Any, labels: list[str]) -> Record:
    """Return a prediction of log-probabilities (classes,): the likeliest, how sure, how spread."""
    import numpy as np

    logs = np.asarray(log_probabilities, np.float64)
    values = np.exp(logs)
    best = int(values.argmax())
    return {
        "emotion": labels[best],
        "probabilities": {n: float(f"{v:.6g}") for n, v in zip(labels, values, strict=True)},
        "confidence": float(f"{values[best]:.6g}"),
        "entropy": float(f"{-(values * logs).sum():.6g}"),
    }
