"""Predict the emotion of records, running what is missing before it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from emocli import pipeline
from emocli.bundles import outputs
from emocli.bundles.bundle import FUSION, Bundle
from emocli.errors import ConfigError, RecordError
from emocli.pipeline import devices
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.stages import fuse


def stage(
    context: Context, trained: Bundle, *, strict: bool = False, abstain: float = 0.0
) -> pipeline.Stage:
    """Return the stage that adds `prediction`, running what is missing before it.

    `strict` makes a record without all of the streams an error; below the confidence `abstain` no
    emotion is named. Raises ConfigError for a kind of predictor that is not known.
    """
    if trained.kind not in KINDS:
        hint = f"this emocli knows {', '.join(KINDS)}"
        raise ConfigError(f"{trained.folder}: a predictor of kind {trained.kind!r}", hint=hint)
    return KINDS[trained.kind](context, trained, strict, abstain)


def _fusion(context: Context, trained: Bundle, strict: bool, abstain: float) -> pipeline.Stage:
    before = fuse.stage(context, trained, strict=strict)
    return pipeline.chain(before, core(context, trained, abstain))


# Kind of a bundle -> the stage that predicts with it.
KINDS: dict[str, Callable[[Context, Bundle, bool, float], pipeline.Stage]] = {FUSION: _fusion}


def core(context: Context, trained: Bundle, abstain: float) -> pipeline.Stage:
    """Return the stage that turns fused vectors into predictions."""
    device = functools.cache(lambda: devices.pick(context.device))

    def predict(batch: list[Record]) -> list[Record | Exception]:
        return _predict(batch, trained, device(), abstain)

    return pipeline.batched(predict, name="predict", size=context.batch(fuse.BATCH))


def logits(batch: list[Record], trained: Bundle, device: str = "cpu") -> Any:
    """Return the logits (batch, columns) of records that are fused, before any calibration.

    Raises RecordError where a fused vector is not the model's; ConfigError for logits that are no
    numbers.
    """
    import numpy as np
    import torch

    try:
        vectors = np.array([r["features"]["fused"]["vector"] for r in batch], np.float32)
        with torch.inference_mode():
            inputs = torch.from_numpy(vectors).to(device)
            found = trained.model(device).classify(inputs).cpu().numpy()
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
    batch: list[Record], trained: Bundle, device: str, abstain: float
) -> list[Record | Exception]:
    predictions = outputs.of(logits(batch, trained, device), trained.contents)
    model = trained.model(device)
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


def _shares(batch: list[Record], trained: Bundle, model: Any) -> list[dict[str, float]]:
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
