"""Say which emotion a clip, a sentence or a record expresses, and how sure that is.

Reads media files, text, or records from any stage of the pipe; what the model needs and a record
lacks is computed in this process. Adds `prediction`: emotion, probabilities, confidence, entropy
(nats), modalities (the weight each had), model. Streams, in batches.

On a terminal a table with bars; in a pipe, or with --json, one record per line.

Example:
    emocli predict clip.mp4
    echo "I can't believe it" | emocli predict --text -
"""

from __future__ import annotations

import functools
from typing import Annotated, Any

import typer

from emocli import bundle, options, stages, windows
from emocli.commands import _streams, fuse
from emocli.errors import ConfigError, RecordError, UsageError

Record = dict[str, Any]


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
    json: Annotated[bool, typer.Option("--json", help="Records even on a terminal.")] = False,
) -> int:
    """Say which emotion a clip, a sentence or a record expresses, and how sure that is."""
    if not 0.0 <= abstain <= 1.0:
        raise UsageError(f"--abstain {abstain}: not between 0 and 1")
    trained = bundle.read(model)
    show = None
    if run.world.stdout.isatty() and not json and not run.flags["output"]:
        from emocli.commands._table import show_prediction

        show = functools.partial(show_prediction, labels=trained.labels)
    window = windows.of(run.batch_size(fuse.BATCH))
    return run.through(stage(run, trained, abstain), window=window, show=show)


def stage(run: options.Run, trained: bundle.Bundle, abstain: float = 0.0) -> stages.Stage:
    """Return the stage that adds `prediction`, running what is missing before it."""
    return stages.chain(fuse.stage(run, trained), core(run, trained, abstain))


def core(run: options.Run, trained: bundle.Bundle, abstain: float) -> stages.Stage:
    """Return the stage that turns fused vectors into predictions."""
    model = functools.cache(trained.model)

    def predict(batch: list[Record]) -> list[Record | Exception]:
        return _predict(batch, trained, model(), abstain)

    return stages.batched(predict, name="predict", size=run.batch_size(fuse.BATCH))


def _predict(
    batch: list[Record], trained: bundle.Bundle, model: Any, abstain: float
) -> list[Record | Exception]:
    import numpy as np
    import torch

    vectors = [np.asarray(r["features"]["fused"]["vector"], np.float32) for r in batch]
    if len({v.shape for v in vectors}) != 1:
        return [RecordError("bad_vector", "features.fused is not of the model's size")] * len(batch)
    temperature = trained.contents.get("calibration", {}).get("temperature", 1.0)
    with torch.inference_mode():
        logits = model.classify(torch.from_numpy(np.stack(vectors))) / temperature
        answers = torch.log_softmax(logits, dim=-1).numpy()
    if not np.isfinite(answers).all():
        raise ConfigError(f"{trained.name} gives what is no number", hint="train it again")
    for record, answer in zip(batch, answers, strict=True):
        prediction = _streams.prediction(answer, trained.labels)
        if prediction["confidence"] < abstain:
            prediction["emotion"] = None
        prediction["modalities"] = _shares(record, trained, model)
        prediction["model"] = trained.name
        prediction["calibrated"] = bool(trained.contents.get("calibration"))
        record["prediction"] = prediction
    return list(batch)


def _shares(record: Record, trained: bundle.Bundle, model: Any) -> dict[str, float]:
    """Return the weight each modality had in the answer; equal where the model has none."""
    import torch

    fused = record["features"]["fused"]
    used = fused.get("streams", [])
    if gates := (fused.get("gates") or {}).get("modalities"):
        return {name: gates[name] for name in used}
    if not hasattr(model, "shares"):
        return {name: round(1 / len(used), 4) for name in used}
    masks = {name: torch.tensor([name in used]) for name in trained.streams}
    shares = model.shares(masks)
    return {name: round(float(shares[name]), 4) for name in used}
