"""Predict with a published classifier, after the missing upstream stages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from emocli import encoders, pipeline
from emocli.bundles import checkpoint, checkpoint_labels, outputs
from emocli.bundles.bundle import Bundle
from emocli.bundles.model_inputs import ModelInputs
from emocli.encoders import classifiers
from emocli.encoders.classifiers import LOGITS
from emocli.pipeline import devices, live
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.records.missing import forget
from emocli.stages import fuse, upstream
from emocli.stages.encode import Loaded

Taken = Callable[[list[Record], Any], list[Record | Exception]]  # records, answers (records, n)


def stage(context: Context, trained: Bundle, abstain: float) -> pipeline.Stage:
    """Return the stage that adds `prediction`; below the confidence `abstain` no emotion is named.

    Raises ConfigError or ModelError, with the first record and before anything is computed, for a
    checkpoint that is not whole, of another revision, or not there.
    """
    predict = functools.partial(_predictions, trained=trained, abstain=abstain)
    if lost := checkpoint_labels.left_out(trained.contents):
        named = ", ".join(lost)
        context.say("predict", f"{trained.name}: left out, as none of the seven labels: {named}")
    return answered(context, trained, predict, name="predict")


def answered(context: Context, trained: Bundle, take: Taken, *, name: str) -> pipeline.Stage:
    """Return the stage that brings the answers of a checkpoint to `take`, batch by batch."""
    ready = functools.cache(functools.partial(_loaded, context, trained))
    (stream,) = trained.streams

    def work(batch: list[Record]) -> Sequence[Record | Exception]:
        import numpy as np

        outcomes: list[Any] = [fuse.of_record(r, trained, False, context.store) for r in batch]
        rows = [i for i, found in enumerate(outcomes) if isinstance(found, ModelInputs)]
        if rows:
            values = np.stack([outcomes[i].values[stream] for i in rows])
            for i, done in zip(rows, take([batch[i] for i in rows], values), strict=True):
                outcomes[i] = done
        return outcomes

    def begun(records: Iterator[Record]) -> Iterator[Record]:
        for first in records:
            ready()
            yield first if first.get("error") else forget(first, "fuse")
            yield from (r if r.get("error") else forget(r, "fuse") for r in records)

    return pipeline.chain(
        begun,
        upstream.stage(context, trained, lambda _: False, ready),
        pipeline.batched(work, name=name, size=context.batch(fuse.BATCH)),
    )


def _loaded(context: Context, trained: Bundle) -> Loaded:
    """Return the classifier of a predictor, on its device, and the revision that it names."""
    reference, (spec,) = trained.contents["checkpoint"], trained.streams.values()
    folder, revision = checkpoint.located(trained, offline=context.offline)
    with live.during(f"loading {Path(reference['name']).name}"):
        device = devices.pick(context.device)
        settings = encoders.Settings(
            None, LOGITS, device, devices.pick_dtype(context.dtype, device)
        )
        kind = classifiers.of(folder, spec["modality"])
        return kind.encoder(folder, settings), revision


def _predictions(
    batch: list[Record], values: Any, trained: Bundle, abstain: float
) -> list[Record | Exception]:
    contents = trained.contents
    ((stream, spec),) = trained.streams.items()
    about = outputs.provenance(contents)
    names = checkpoint_labels.renamed(contents)
    results: list[Record | Exception] = []
    found = checkpoint_labels.predictions(values, contents)
    for record, prediction in zip(batch, found, strict=True):
        if prediction.get("confidence", 1.0) < abstain:
            prediction |= {key: None for key in ("emotion", "multi") if key in prediction}
        prediction["modalities"] = {spec["modality"]: 1.0}
        if warning := record["features"][stream].get("warning"):
            prediction["warnings"] = {stream: warning}
        if names:
            prediction["original"] = names
        record["prediction"] = {**prediction, "model": trained.name, **about}
        results.append(record)
    return results
