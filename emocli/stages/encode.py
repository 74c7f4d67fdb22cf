"""Encode the streams of records: which encoder makes each, and how features are added."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emocli import encoders, modalities, pipeline
from emocli.bundles import specs
from emocli.bundles.bundle import FUSION, Bundle
from emocli.encoders import Encoded, Encoder
from emocli.errors import RecordError, UsageError
from emocli.io import features
from emocli.io.store import Store
from emocli.pipeline import live
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import lost
from emocli.records.modality import MODALITIES, cost
from emocli.stages import looking, speech

Spec = dict[str, Any]  # of a stream: stream, modality, encoder, layer, pooling, ...
Loaded = tuple[Encoder, str]  # with its revision

INLINE, STORED = "inline", "store"
PASSED = "passed"  # frames go to the next stage of this process, not to the store


def plain(modality: str, encoder: str | None) -> Spec:
    """Return the default spec of a stream, without flags or a bundle."""
    spec: Spec = dict(modalities.load(modality).PLAIN)
    if encoders.is_measured(encoder or spec["encoder"], modality):
        spec |= encoders.load(encoder or spec["encoder"]).PLAIN
    return spec


def of_bundle(trained: Bundle, modality: str | None = None) -> list[Spec]:
    """Return the specs of a bundle's streams; only those of some modalities, if given."""
    streams = [{"stream": name, **spec} for name, spec in trained.used.items()]
    if modality is None:
        return streams
    wanted = modality.split(",")
    known = {*modalities.names(), *(spec["modality"] for spec in streams)}
    if unknown := [name for name in wanted if name not in known]:
        hint = f"one of {', '.join(modalities.names())}"
        raise UsageError(f"--modality: unknown modality {unknown[0]!r}", hint=hint)
    missing = set(wanted) - {spec["modality"] for spec in streams}
    if missing:
        raise UsageError(
            f"--modality {modality}: the model {trained.contents['name']} has no"
            f" {', '.join(sorted(missing))} stream",
            hint="--encoder names an encoder of your choice",
        )
    return [spec for spec in streams if spec["modality"] in wanted]


def limited(trained: Bundle, modality: str | None) -> Bundle:
    """Return a bundle that uses its streams of some modalities only, if any are given.

    Raises UsageError for a modality that it has no stream of.
    """
    if modality is None:
        return trained
    if trained.kind != FUSION and "streams" not in trained.contents:
        raise UsageError(f"--modality: a predictor of kind {trained.kind!r} has no streams")
    names = frozenset(spec["stream"] for spec in of_bundle(trained, modality))
    return dataclasses.replace(trained, only=names)


def turns(streams: Sequence[Spec]) -> int:
    """Return how many preceding turns the streams of a record need."""
    return max((spec.get("context") or 0 for spec in streams), default=0)


def batch(streams: Sequence[Spec]) -> int:
    """Return the largest of the best batch sizes of the streams' modalities."""
    return max((modalities.load(spec["modality"]).BATCH for spec in streams), default=1)


def work(streams: Sequence[Spec]) -> Callable[[Record], float]:
    """Return the cost function of records: the work of the streams that they still need."""

    def remaining(record: Record) -> float:
        return cost(record, {s["modality"] for s in streams if wanted(record, s)})

    return remaining


def stage(
    context: Context,
    spec: Spec,
    trained: Bundle | None = None,
    *,
    keep: str = INLINE,
    skip: Callable[[Record], bool] | None = None,
    encoder: Callable[[], Loaded] | None = None,
) -> pipeline.Stage:
    """Return the stage that adds one stream's features to the records that `skip` does not refuse.

    The `encoder` is that of the spec unless it is given. Raises UsageError for an unknown modality.
    """
    modality = modalities.load(spec["modality"])

    @functools.cache
    def loaded() -> Loaded:
        with live.during(f"loading {Path(spec['encoder']).name}"):
            return encoder() if encoder else _load(context, spec, trained)

    @functools.cache
    def material() -> Callable[..., Any]:
        reader = getattr(modality, "reader", None)
        return reader(context, spec) if reader else modality.material

    def encode(batch: list[Record]) -> Sequence[Record | Exception]:
        try:
            outcomes = [_material(material(), record, spec, context.store) for record in batch]
            _encode(outcomes, loaded)
            if spec.get("normalized"):
                _relative(outcomes, batch, spec, loaded()[0])
        except Exception as error:
            _blame_stream(error, spec, trained)
            raise
        return [
            outcome if isinstance(outcome, Exception) else _add(r, spec, outcome, context, keep)
            for r, outcome in zip(batch, outcomes, strict=True)
        ]

    def lacks(record: Record) -> bool:
        return wanted(record, spec) and not (skip and skip(record))

    encoded = pipeline.batched(
        encode,
        name="encode",
        modality=spec["modality"],
        size=context.batch(modality.BATCH),
        length=modality.length,
        budget=modality.BUDGET,
        wanted=lacks,
    )
    if trained and trained.contents.get("audio_rules") and spec["modality"] == "audio":
        return pipeline.chain(speech.stage(context, lacks), encoded)
    return encoded


def wanted(record: Record, spec: Spec) -> bool:
    """Say whether a record lacks this stream and has no note of its loss."""
    absent = features.of(record).get(spec["stream"]) is None
    return absent and lost(record, spec["modality"], spec["stream"]) is None


def _material(material: Callable[..., Any], record: Record, spec: Spec, store: Store) -> Any:
    """Return the encoder's input from a record, or the error if there is none."""
    try:
        features.checked(record)
        looking.settle(record, spec)
        return material(record, spec, store)
    except RecordError as error:
        return failures.without_frames(error)


def _encode(outcomes: list[Any], loaded: Callable[[], Loaded]) -> None:
    """Replace each input by (Encoded, revision); errors stay."""
    chosen = [i for i, outcome in enumerate(outcomes) if not isinstance(outcome, Exception)]
    if chosen:
        encoder, revision = loaded()
        for i, encoded in zip(chosen, encoder([outcomes[i] for i in chosen]), strict=True):
            outcomes[i] = (encoded, revision)


def by_recording(spec: Spec) -> bool:
    """Say whether the frames of a stream can be normalised by the recording that they are of."""
    return specs.timed(spec) and hasattr(modalities.load(spec["modality"]), "relative")


def _relative(outcomes: list[Any], batch: list[Record], spec: Spec, encoder: Encoder) -> None:
    """Replace frames by z-scores over the recording that each record is a part of."""
    relative = modalities.load(spec["modality"]).relative
    for i, (outcome, record) in enumerate(zip(outcomes, batch, strict=True)):
        if not isinstance(outcome, Exception):
            try:
                outcomes[i] = (relative(record, spec, encoder, outcome[0]), outcome[1])
            except RecordError as error:
                outcomes[i] = failures.without_frames(error)


def _blame_stream(error: Any, spec: Spec, trained: Bundle | None) -> None:
    """Attribute a failure of an encoder to its stream, not to the modality of the stream."""
    if getattr(error, "modality", None) is None:
        error.stream = spec["stream"]
        kinds = [s["modality"] for s in trained.streams.values()] if trained else []
        error.others_can_go_on = kinds.count(spec["modality"]) > 1


def _load(context: Context, spec: Spec, trained: Bundle | None) -> Loaded:
    """Return the encoder of a stream, on its device."""
    name, modality = spec["encoder"], spec["modality"]
    if encoders.is_measured(name, modality):
        family = encoders.load(name)
        own = encoders.Settings(None, spec["pooling"], bands=spec.get("bands"))
        return family.encoder(None, own), family.revision()
    from emocli import hub
    from emocli.pipeline import devices

    folder, revision = hub.locate(name, offline=context.offline)
    device = devices.pick(context.device)
    settings = encoders.Settings(
        spec["layer"],
        spec["pooling"],
        device,
        devices.pick_dtype(context.dtype, device),
        trained.adapter(spec["stream"]) if trained and spec.get("adapter") else None,
    )
    family = encoders.of_folder(folder, modality, spec["pooling"])
    return encoders.made(family, folder, settings, spec.get("layer_weights")), revision


def _lasting(name: str) -> str:
    """Return an encoder's name as it is right from every folder: a path is absolute."""
    return str(Path(name).absolute()) if "/" in name and Path(name).is_dir() else name


def _add(
    record: Record, spec: Spec, outcome: tuple[Encoded, str], context: Context, keep: str
) -> Record:
    (vector, warning), revision = outcome
    feature: Record = {
        "modality": spec["modality"],
        "encoder": _lasting(spec["encoder"]),
        "revision": revision,
        "layer": spec["layer"],
        "pooling": spec["pooling"],
        "dim": int(vector.shape[-1]),
    }
    said = getattr(modalities.load(spec["modality"]), "made", None)
    spec = {**spec, **said(record, spec)} if said else spec
    made = MODALITIES[spec["modality"]].made
    feature |= {key: spec[key] for key in made if spec.get(key) is not None}
    if spec.get("normalized"):
        feature["normalized"] = specs.RECORDING
    if warning:
        feature["warning"] = warning
    if vector.ndim == 1 and keep != STORED:
        feature["vector"] = vector
    else:
        feature["array"] = vector if keep == PASSED else context.store.put_array(vector)
    record["features"] = {**features.of(record), spec["stream"]: feature}
    return record
