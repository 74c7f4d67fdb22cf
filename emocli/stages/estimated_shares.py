"""Predict with the class shares that the records themselves have: read all, estimate, predict."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from emocli import pipeline
from emocli.bundles import class_shares, outputs
from emocli.bundles.bundle import Bundle
from emocli.errors import UsageError
from emocli.pipeline.context import Context
from emocli.records import Record

LOST = 0.1  # of the mean probability of a label with shares alike: our choice

Logits = Callable[[list[Record]], Any]  # of fused records: (records, columns)
Core = Callable[[Bundle], pipeline.Stage]  # predicts fused records


def stage(
    context: Context,
    trained: Bundle,
    logits: Logits,
    core: Core,
    least: int = class_shares.LEAST,
) -> pipeline.Stage:
    """Return the stage that keeps fused records until their shares are known, and predicts them.

    Raises UsageError when fewer than `least` records can be predicted.
    """

    def run(incoming: Iterator[Record]) -> Iterator[Record]:
        parts: list[Any] = []

        def take(batch: list[Record]) -> list[Record]:
            parts.append(_evidence(trained, logits(batch), batch))
            return batch

        collected = pipeline.batched(take, name="predict", size=context.batch(64))
        kept = list(collected(incoming))
        shares = _shares(parts, trained, least)
        told = ", ".join(f"{label} {share:.3f}" for label, share in shares.items())
        if not context.quiet:
            context.say("predict", f"class shares of these records, estimated: {told}")
        if lost := _lost(parts, shares):
            listed = ", ".join(lost)
            context.say(
                "predict", f"next to no share is left to {listed}: such estimates are often wrong"
            )
        yield from core(dataclasses.replace(trained, prior=shares))(iter(kept))

    return run


def _lost(parts: list[Any], shares: dict[str, float]) -> list[str]:
    """Return the labels that an estimate takes away, although answers alike had named them."""
    import numpy as np

    from emocli.bundles import scaling

    before = np.exp(scaling.log_softmax(np.concatenate(parts))).mean(0)
    return [n for (n, share), was in zip(shares.items(), before, strict=True) if share < LOST * was]


def _evidence(trained: Bundle, logits: Any, batch: list[Record]) -> Any:
    """Return log-probabilities without the shares in training (records, classes)."""
    calibration = trained.contents.get("calibration") or {}
    columns = logits[:, : len(trained.labels)]  # labels are of the first head
    before = class_shares.of_training(trained, class_shares.streams(batch), "cpu")
    return outputs.calibrated(columns, calibration) - before


def _shares(parts: list[Any], trained: Bundle, least: int) -> dict[str, float]:
    count = sum(map(len, parts))
    if count < least:
        message = f"--prior estimate: {count} records to estimate class shares from"
        hint = f"it takes {least}; --prior uniform or FILE needs none"
        raise UsageError(message, hint=hint)
    import numpy as np

    from emocli.metrics import class_shares as em

    even = np.full(len(trained.labels), 1 / len(trained.labels))
    found = em.estimated(np.concatenate(parts), even)
    return {n: float(f"{max(v, 0.0):.4g}") for n, v in zip(trained.labels, found, strict=True)}
