"""What a bundle says of labelled records, to calibrate it on: by the kind of its predictor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from emocli import pipeline
from emocli.bundles import (
    bundle,
    checkpoint,
    checkpoint_labels,
    class_shares,
    heads,
    language,
)
from emocli.pipeline import devices
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages import fuse, predict


class Collected(NamedTuple):
    """Logits (records, classes) as the bundle had them, and as it will; what that changes in it."""

    before: Any
    logits: Any
    contents: Record


Source = Iterable[Record]
Told = Callable[[Record], object]  # of a record that was predicted, and of one that failed


def collect(
    context: Context,
    trained: bundle.Bundle,
    source: Source,
    predicted: Told,
    failed: Told,
) -> Collected | None:
    """Return the logits of records in the order in which `predicted` is told them; None for none.

    A damaged model ends the run before any record is read.
    """
    if trained.kind == bundle.LANGUAGE:
        return _asked(context, trained, source, predicted, failed)
    if trained.kind == bundle.CHECKPOINT:
        return _answered(context, trained, source, predicted, failed)
    rows: list[Any] = []
    device = devices.pick(context.device)
    trained.model(device)

    def take(batch: list[Record]) -> list[Record]:
        rows.append(predict.logits(batch, trained, device))
        for record in batch:
            predicted(record)
        return [{} for _ in batch]  # the record itself is not kept

    work = pipeline.chain(
        fuse.stage(context, trained),
        pipeline.batched(take, name="calibrate", size=context.batch(fuse.BATCH)),
    )
    _run(context, trained, work, source, failed)
    if not rows:
        return None
    (head, *_) = trained.heads
    logits = heads.split(trained.heads, np.concatenate(rows).astype(np.float64))[head.target]
    # What is fitted to are answers with the shares in training, whatever the bundle's own prior.
    contents: Record = {"prior": class_shares.TRAIN} if trained.contents.get("prior") else {}
    return Collected(logits, logits, contents)


def _answered(
    context: Context,
    trained: bundle.Bundle,
    source: Source,
    predicted: Told,
    failed: Told,
) -> Collected | None:
    """Return the log-probabilities of a published classifier, in our labels."""
    from emocli.stages import checkpoint as stage

    checkpoint.require_calibratable(trained)
    rows: list[Any] = []

    def take(batch: list[Record], values: Any) -> list[Record | Exception]:
        rows.append(checkpoint_labels.logits(values, trained.contents))
        for record in batch:
            predicted(record)
        return [{} for _ in batch]

    work = stage.answered(context, trained, take, name="calibrate")
    _run(context, trained, work, source, failed)
    if not rows:
        return None
    logits = np.concatenate(rows)
    return Collected(logits, logits, {})


def _asked(
    context: Context,
    trained: bundle.Bundle,
    source: Source,
    predicted: Told,
    failed: Told,
) -> Collected | None:
    """Return log-probabilities over the prior that was, and over their own mean.

    A predictor that subtracts nothing, as a trained one, goes on doing so.
    """
    from emocli.stages.language_predictor import scoring
    from emocli.stages.language_predictor.answering import Answerer

    spec = language.spec(trained)
    answerer = Answerer(context, trained, spec, 0.0)
    rows: list[Any] = []
    priors: list[Any] = []

    def take(record: Record, logs: Any, prior: Any) -> None:
        rows.append(logs)
        priors.append(prior)
        predicted(record)

    _run(context, trained, scoring.scored(context, answerer, take), source, failed)
    if not rows:
        return None
    logs = np.array(rows)
    backbone = {"name": language.lasting(spec.backbone), "revision": answerer.revision}
    contents: Record = {"backbone": backbone}
    prior = np.zeros(logs.shape[1])
    if spec.prior != language.NONE:
        prior = logs.mean(0)
        contents |= {"prior": language.FITTED, "prior_values": prior.tolist()}
    return Collected(logs - np.array(priors), logs - prior, contents)


def weighted(found: Collected, shares: Any) -> Collected:
    """Return what was collected with a fitted prior that also has the shares of the labels.

    What a model says on average is then what is true on average (prior correction; a label more of
    each, our choice): without it every class would come out equally likely. `shares` are the true
    ones (records, classes).
    """
    if "prior_values" not in found.contents:
        return found
    counts = shares.sum(0) + 1
    logs = np.log(counts / counts.sum())
    values = np.asarray(found.contents["prior_values"]) - logs
    contents = {**found.contents, "prior_values": values.tolist()}
    return Collected(found.before, found.logits + logs, contents)


def _run(
    context: Context, trained: bundle.Bundle, work: pipeline.Stage, source: Source, failed: Told
) -> None:
    work = pipeline.windowed(work, predict.window(context, trained))
    for record in work(iter(source)):
        if record.get("error"):
            failed(record)
