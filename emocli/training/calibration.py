"""Fit the calibration of a bundle's probabilities, and measure its effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.bundles import bundle, heads, outputs, scaling
from emocli.errors import UsageError
from emocli.metrics import blend, blend_decoder, calibration
from emocli.records import Record
from emocli.training import loop

Floats = NDArray[np.float64]


def fitted(logits: Floats, shares: Floats, method: str) -> Record:
    """Return the calibration fitted on logits (records, classes) and their true shares.

    For temperature scaling the truth may also be classes (records,).
    """
    temperature = loop.temperature(logits, shares)
    if method == "temperature":
        return {"temperature": temperature}
    weights, bias = scaling.vector(logits, shares, temperature)
    return {"weights": weights.tolist(), "bias": bias.tolist()}


def decoder(logits: Floats, shares: Floats, head: heads.Head, contents: Record) -> Record:
    """Return the decoder of blends fitted on these records, by the rule that `contents` names.

    Raises UsageError for a truth that the rule cannot produce.
    """
    rule = str((contents.get("decoder") or outputs.DECODER)["rule"])
    probabilities = np.exp(outputs.calibrated(logits, contents["calibration"]))
    try:
        neutral = outputs.neutral(head.labels)
        return blend_decoder.fit_decoder(100 * shares, probabilities, neutral, rule)
    except ValueError as error:
        raise UsageError(f"--decoder {rule}: {error}") from None


def figures(
    logits: Floats, shares: Floats, head: heads.Head, contents: Mapping[str, Any]
) -> dict[str, float]:
    """Return `log_loss` (the cross-entropy, nats) and `ece`; for blends also `blend_score`."""
    logs = outputs.calibrated(logits, contents.get("calibration") or {})
    scores = {"log_loss": float(-(shares * logs).sum(axis=1).mean())}
    confidence = np.minimum(np.exp(logs.max(axis=1)), 1.0)
    scores["ece"] = calibration.ece(confidence, logs.argmax(axis=1) == shares.argmax(axis=1))
    if head.kind == heads.BLEND:
        rule = contents.get("decoder") or outputs.DECODER
        answers = blend_decoder.decoded(np.exp(logs), rule, outputs.neutral(head.labels))
        each = (blend.presence(100 * shares, answers), blend.salience(100 * shares, answers))
        scores["blend_score"] = float(np.mean(each))  # NaN if no truth is a blend
    return scores


def labelled(trained: bundle.Bundle) -> heads.Head:
    """Return the labelled head of a bundle, or raise UsageError."""
    first = trained.heads[0]
    if not first.labels:
        raise UsageError(f"{trained.name} has regression heads only: there is nothing to calibrate")
    return first
