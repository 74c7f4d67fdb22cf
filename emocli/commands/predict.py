"""Say which emotion a clip, a sentence or a record expresses, and how sure that is.

Reads media files, text, or records from any stage of the pipe; what the model needs and a record
lacks is computed in this process. Adds `prediction`: emotion, probabilities, confidence, entropy
(nats: how much people would disagree), modalities (the weight of each stream that was used), model.
Streams, in batches.

A model of blends adds `blend` in per cent, and `emotion` is the larger; one of valence, arousal,
dominance or sentiment adds these, and without any labels `emotion` is null. Where each stream has
an answer of its own (`unimodal`), `disagreement` says how far it is from the prediction: the
Jensen-Shannon divergence in bits, 0 where they agree and 1 where they exclude each other.

On a terminal a table with bars; in a pipe, or with --json, one record per line.

Example:
    emocli predict clip.mp4
    echo "I can't believe it" | emocli predict --text -
"""

from __future__ import annotations

import functools
from typing import Annotated, Any

import typer

from emocli import pipeline
from emocli.bundles import bundle, outputs
from emocli.cli import options
from emocli.commands import fuse
from emocli.errors import ConfigError, RecordError, UsageError
from emocli.pipeline import windows
from emocli.records import Record, failures


@options.filter("store", "device")
def command(
    run: options.Run,
    model: fuse.Model = "default",
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT|-", help="A sentence; '-' is a sentence per line."),
    ] = None,
    abstain: Annotated[
        float, typer.Option(metavar="P", help="Name no emotion when it is less sure than P.")
    ] = 0.0,
    strict_modalities: fuse.Strict = False,
    json: Annotated[bool, typer.Option("--json", help="Records even on a terminal.")] = False,
) -> int:
    """Say which emotion a clip, a sentence or a record expresses, and how sure that is."""
    if not 0.0 <= abstain <= 1.0:
        raise UsageError(f"--abstain {abstain}: not between 0 and 1")
    trained = bundle.read(model)
    show = None
    if run.world.stdout.isatty() and not json and not run.flags["output"]:
        from emocli.cli.prediction import show_prediction

        show = functools.partial(show_prediction, labels=trained.labels)
    window = windows.of(run.batch_size(fuse.BATCH))
    work = pipeline.chain(
        fuse.stage(run, trained, strict=strict_modalities), core(run, trained, abstain)
    )
    return run.through(work, window=window, show=show)


def stage(run: options.Run, trained: bundle.Bundle) -> pipeline.Stage:
    """Return the stage that adds `prediction`, running what is missing before it."""
    return pipeline.chain(fuse.stage(run, trained), core(run, trained, abstain=0.0))


def core(run: options.Run, trained: bundle.Bundle, abstain: float) -> pipeline.Stage:
    """Return the stage that turns fused vectors into predictions."""
    model = functools.cache(trained.model)

    def predict(batch: list[Record]) -> list[Record | Exception]:
        return _predict(batch, trained, model(), abstain)

    return pipeline.batched(predict, name="predict", size=run.batch_size(fuse.BATCH))


def logits(batch: list[Record], trained: bundle.Bundle, model: Any) -> Any:
    """Return the logits (batch, columns) of records that are fused, before any calibration.

    Raises RecordError where a fused vector is not the model's; ConfigError for logits that are no
    numbers.
    """
    import numpy as np
    import torch

    try:
        vectors = np.array([r["features"]["fused"]["vector"] for r in batch], np.float32)
        with torch.inference_mode():
            found = model.classify(torch.from_numpy(vectors)).numpy()
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        if failures.out_of_memory(error):
            raise
        raise RecordError("bad_vector", "features.fused is not of the model's size") from None
    if not np.isfinite(vectors).all():
        raise RecordError("bad_vector", "features.fused has numbers that are none")
    if not np.isfinite(found).all():
        raise ConfigError(f"{trained.name} gives what is no number", hint="train it again")
    return found


def _predict(
    batch: list[Record], trained: bundle.Bundle, model: Any, abstain: float
) -> list[Record | Exception]:
    predictions = outputs.of(logits(batch, trained, model), trained.contents)
    shares = _shares(batch, trained, model)
    apart = outputs.disagreements(batch, predictions) if hasattr(model, "unimodal") else []
    calibrated = bool(trained.contents.get("calibration"))
    for i, (record, prediction) in enumerate(zip(batch, predictions, strict=True)):
        if prediction.get("confidence", 1.0) < abstain:
            prediction |= {name: None for name in ("emotion", "blend") if name in prediction}
        prediction["modalities"] = shares[i]
        if apart and apart[i]:
            prediction["disagreement"] = apart[i]
        record["prediction"] = {**prediction, "model": trained.name, "calibrated": calibrated}
    return list(batch)


def _shares(batch: list[Record], trained: bundle.Bundle, model: Any) -> list[dict[str, float]]:
    """Return the weight each stream had in each answer; equal where the model has none."""
    fused = [record["features"]["fused"] for record in batch]
    used = [one.get("streams") or [] for one in fused]
    own: list[dict[str, float] | None] = [(f.get("gates") or {}).get("modalities") for f in fused]
    if hasattr(model, "shares"):
        import torch

        masks = {name: torch.tensor([name in u for u in used]) for name in trained.streams}
        columns = {name: values.tolist() for name, values in model.shares(masks).items()}
        own = [{name: columns[name][i] for name in columns} for i in range(len(batch))]
    return [
        {n: round(weights[n] if weights else 1 / len(names), 4) for n in names}
        for names, weights in zip(used, own, strict=True)
    ]
