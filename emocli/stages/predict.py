"""Predict the emotion of records; run the missing upstream stages first."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from emocli import pipeline
from emocli.bundles import class_shares, outputs
from emocli.bundles.bundle import CHECKPOINT, FUSION, LANGUAGE, Bundle
from emocli.errors import ConfigError, RecordError
from emocli.pipeline import devices, windows
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record, failures
from emocli.stages import estimated_shares, fuse, stream_weights
from emocli.stages.language_server import Served


def stage(
    context: Context,
    trained: Bundle,
    *,
    strict: bool = False,
    abstain: float = 0.0,
    keep_features: bool = False,
    show_prompt: bool = False,
    served: Served | None = None,
) -> pipeline.Stage:
    """Return the stage that adds `prediction`, after the missing upstream stages.

    `strict` makes a record without all of the streams an error; below the confidence `abstain` no
    emotion is named. What this stage computes for `features`, most of the bytes of a record, is
    passed on only with `keep_features`. With `show_prompt` language models say what they are asked.
    A model may be `served` elsewhere. Raises ConfigError for an unknown kind of predictor.
    """
    if served:
        from emocli.stages import language_predictor

        work = language_predictor.stage(
            context, trained, strict=strict, show_prompt=show_prompt, served=served
        )
    else:
        work = _kind(trained).stage(context, trained, strict, abstain, show_prompt)
    return work if keep_features else _passing_features_by(work)


def _passing_features_by(work: pipeline.Stage) -> pipeline.Stage:
    """Return a stage of one record in, one out, whose records keep the features they came with."""

    def run(incoming: Iterator[Record]) -> Iterator[Record]:
        came: deque[dict[str, Any]] = deque()

        def noted() -> Iterator[Record]:
            for record in incoming:
                came.append({"features": record["features"]} if "features" in record else {})
                yield record

        for record in work(noted()):
            features = came.popleft()
            if not features:
                record.pop("features", None)
            yield record | features

    return run


def window(context: Context, trained: Bundle, served: Served | None = None) -> Window:
    """Return which records are worked on together; all, to estimate their class shares."""
    if trained.prior == class_shares.ESTIMATE:
        return windows.ALL
    if served:
        from emocli.stages import language_predictor

        return language_predictor.window(context, trained, served)
    return _kind(trained).window(context, trained)


def turns(trained: Bundle) -> int:
    """Return how many preceding turns of a dialogue a record needs."""
    return _kind(trained).turns(trained)


class Kind(NamedTuple):
    """What a kind of predictor has to say of a bundle."""

    # strict, abstain, show_prompt
    stage: Callable[[Context, Bundle, bool, float, bool], pipeline.Stage]
    window: Callable[[Context, Bundle], Window]
    turns: Callable[[Bundle], int]


def _kind(trained: Bundle) -> Kind:
    if trained.kind not in KINDS:
        hint = f"this version has {', '.join(KINDS)}"
        message = f"{trained.folder}: unknown kind of predictor {trained.kind!r}"
        raise ConfigError(message, hint=hint)
    return KINDS[trained.kind]


def _fusion(
    context: Context, trained: Bundle, strict: bool, abstain: float, _show_prompt: bool
) -> pipeline.Stage:
    before = fuse.stage(context, trained, strict=strict)
    if trained.prior == class_shares.ESTIMATE:
        of, told = (lambda batch: logits(batch, trained)), (lambda it: core(context, it, abstain))
        return pipeline.chain(before, estimated_shares.stage(context, trained, of, told))
    return pipeline.chain(before, core(context, trained, abstain))


def _language(
    context: Context, trained: Bundle, strict: bool, abstain: float, show_prompt: bool
) -> pipeline.Stage:
    from emocli.stages import language_predictor

    return language_predictor.stage(
        context, trained, strict=strict, abstain=abstain, show_prompt=show_prompt
    )


def _language_window(context: Context, trained: Bundle) -> Window:
    from emocli.stages import language_predictor

    return language_predictor.window(context, trained)


def _language_turns(trained: Bundle) -> int:
    from emocli.stages import language_predictor

    return language_predictor.turns(trained)


def _checkpoint(
    context: Context, trained: Bundle, _strict: bool, abstain: float, _show_prompt: bool
) -> pipeline.Stage:
    from emocli.stages import checkpoint

    return checkpoint.stage(context, trained, abstain)


KINDS = {
    FUSION: Kind(_fusion, fuse.window, fuse.turns),
    LANGUAGE: Kind(_language, _language_window, _language_turns),
    CHECKPOINT: Kind(_checkpoint, fuse.window, fuse.turns),
}


def core(context: Context, trained: Bundle, abstain: float) -> pipeline.Stage:
    """Return the stage that turns fused vectors into predictions."""
    device = functools.cache(lambda: devices.pick(context.device))

    def predict(batch: list[Record]) -> list[Record | Exception]:
        return _predict(batch, trained, device(), abstain)

    return pipeline.batched(predict, name="predict", size=context.batch(fuse.BATCH))


def logits(batch: list[Record], trained: Bundle, device: str = "cpu") -> Any:
    """Return the logits (batch, columns) of fused records, before any calibration.

    Raises RecordError for a fused vector that does not fit the model or is not finite; ConfigError
    for logits that are not finite.
    """
    import numpy as np
    import torch

    try:
        vectors = np.array([r["features"]["fused"]["vector"] for r in batch], np.float32)
        with torch.inference_mode():
            inputs = torch.from_numpy(vectors).to(device)
            logits = trained.model(device).classify(inputs).cpu().numpy()
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        if failures.out_of_memory(error):
            raise
        raise RecordError("bad_vector", "features.fused is not of the model's size") from None
    if not np.isfinite(vectors).all():
        raise RecordError("bad_vector", "features.fused contains NaN or infinity")
    if not np.isfinite(logits).all():
        raise ConfigError(
            f"{trained.name}: the logits contain NaN or infinity", hint="train it again"
        )
    return logits


def _predict(
    batch: list[Record], trained: Bundle, device: str, abstain: float
) -> list[Record | Exception]:
    values = logits(batch, trained, device)
    predictions = outputs.of(values, trained.contents)
    model = trained.model(device)
    weights = stream_weights.of(batch, trained, device)
    divergences = outputs.disagreements(batch, predictions) if hasattr(model, "unimodal") else []
    predictions = class_shares.answers(batch, predictions, values, trained, device)
    results: list[Record | Exception] = []
    for i, (record, prediction) in enumerate(zip(batch, predictions, strict=True)):
        shares = weights[i]
        if isinstance(shares, RecordError):
            results.append(shares)
            continue
        if prediction.get("confidence", 1.0) < abstain:
            prediction |= {name: None for name in ("emotion", "blend") if name in prediction}
        prediction["modalities"] = shares
        if divergences and divergences[i]:
            prediction["disagreement"] = divergences[i]
        prediction |= _how(record["features"])
        about = outputs.provenance(trained.contents, list(shares))
        record["prediction"] = {**prediction, "model": trained.name, **about}
        results.append(record)
    return results


def _how(features: Record) -> Record:
    """Return what features say of a prediction: gates, masked frames, warnings by stream."""
    fused = features["fused"]
    warnings = {
        name: features[name]["warning"]
        for name in fused.get("streams") or []
        if isinstance(features.get(name), dict) and features[name].get("warning")
    }
    told = {key: fused[key] for key in ("gates", "masked_frames") if fused.get(key)}
    return told | ({"warnings": warnings} if warnings else {})
