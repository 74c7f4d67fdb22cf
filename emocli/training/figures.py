"""The metrics of a model on held-out records by head, as reported after every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from emocli.bundles import heads, scaling
from emocli.bundles.heads import BLEND, CLASSES, Head
from emocli.metrics import distribution, regression
from emocli.records import Record
from emocli.training.calibration import decoder, fitted

ON = "records held out of training"  # what `train` calibrates on, as predictions say


def of(model_heads: Sequence[Head], logits: Tensor, targets: Tensor) -> dict[str, float]:
    """Return `uar` for classes, `jsd_bits` for shares, `ccc` for numbers (the mean over them)."""
    answers, truth = _columns(model_heads, logits), _columns(model_heads, targets)
    scores: dict[str, float] = {}
    concordances = []
    for head in model_heads:
        answer, true = answers[head.target], truth[head.target]
        if not head.labels:
            known = np.isfinite(true[:, 0])
            concordances.append(regression.ccc(true[known, 0], answer[known, 0]))
        elif head.kind == CLASSES:
            scores["uar"] = _uar(true, answer.argmax(1))
        else:
            shares = np.exp(scaling.log_softmax(answer))
            scores["jsd_bits"] = distribution.jsd_bits(true / true.sum(1, keepdims=True), shares)
    if concordances:
        scores["ccc"] = float(np.mean(concordances))
    return scores


def _columns(model_heads: Sequence[Head], values: Tensor) -> dict[str, Any]:
    """Return float64 columns by head; class indices of a single head are returned unchanged."""
    if values.ndim == 1 and model_heads[0].labels:
        return {model_heads[0].target: values.numpy()}
    table = values.double().numpy()
    return heads.split(model_heads, table.reshape(len(table), -1))


def _uar(truth: Any, predicted: Any) -> float:
    """Return the mean recall; `truth` is classes (records,) or one-hot (records, classes)."""
    classes = truth if truth.ndim == 1 else truth.argmax(1)
    return float(np.mean([(predicted[classes == c] == c).mean() for c in np.unique(classes)]))


def calibration(model_heads: Sequence[Head], logits: Tensor, targets: Tensor) -> Record:
    """Return the temperature of the labelled head and a blend's decoder, as a bundle keeps them."""
    head = model_heads[0]
    if not head.labels:
        return {}
    values = _columns(model_heads, logits)[head.target]
    truth = _columns(model_heads, targets)[head.target]
    calibration = {**fitted(values, truth, "temperature"), "on": ON}
    contents: Record = {"calibration": calibration}
    if head.kind == BLEND:
        contents["decoder"] = decoder(values, truth, head, contents)
    return contents
