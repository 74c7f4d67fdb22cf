"""Class shares other than those of training: what `predict --prior` makes of a predictor.

A predictor has learned how frequent each class was where it was trained. Elsewhere its answers are
multiplied by new share / share in training and made to add to one (Saerens et al. 2002, see
`metrics.class_shares`). The share in training is what late fusion says of a record whose streams
say nothing: the shares that its heads keep, combined and calibrated as answers are.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import orjson

from emocli.bundles import heads, outputs
from emocli.bundles.bundle import FUSION, Bundle
from emocli.errors import RecordError, UsageError
from emocli.io import further_files, opening
from emocli.records import Record, label_reading
from emocli.records.labels import canonical

if TYPE_CHECKING:
    import numpy as np

TRAIN, UNIFORM, ESTIMATE = WORDS = ("train", "uniform", "estimate")
LEAST = 200  # records that shares are estimated from; our choice
SHARES = '{"joy": 0.6, "anger": 0.4}'
MODEL, RULE = "late-fusion", "regression"  # what has shares, and its only rule that has none


def asked(trained: Bundle, prior: str | None, stdin: BinaryIO) -> Bundle:
    """Return a predictor that predicts with a prior, a word or a file; as it is for None.

    Raises UsageError for a predictor that states no shares, or a file without any.
    """
    if prior is None:
        return trained
    if not are_stated(trained):
        message = f"--prior {prior:.60}: {trained.contents['name']} states no class shares"
        raise UsageError(message, hint="predictors of train --model late-fusion do")
    chosen = prior if prior in WORDS else _of_file(prior, trained.labels, stdin)
    return dataclasses.replace(trained, prior=chosen)


def are_stated(trained: Bundle) -> bool:
    """Say whether a bundle says how frequent its classes were in training."""
    about = trained.contents
    if trained.kind != FUSION or about["architecture"] != MODEL or not trained.labels:
        return False
    return bool(about["config"].get("rule") != RULE)


def chosen(trained: Bundle) -> str | dict[str, float]:
    """Return the prior of a predictor's answers: what is asked for, else what the bundle says."""
    prior = trained.prior or trained.contents.get("prior") or TRAIN
    return cast("str | dict[str, float]", prior)


def of_training(trained: Bundle, streams: Sequence[Sequence[str]], device: str) -> np.ndarray:
    """Return the log shares in training (records, classes), by the streams that records used."""
    import torch

    masks = {n: torch.tensor([n in s for s in streams], device=device) for n in trained.streams}
    with torch.inference_mode():
        logs = trained.model(device).prior(masks).double().cpu().numpy()
    (head, *_) = trained.heads
    columns = heads.split(trained.heads, logs)[head.target]
    return outputs.calibrated(columns, trained.contents.get("calibration") or {})


def answers(
    batch: Sequence[Record], predictions: list[Record], logits: Any, trained: Bundle, device: str
) -> list[Record]:
    """Return the predictions of fused records with the prior that is chosen, which they state.

    Those of the shares in training are `predictions`; they state it where it is asked for.
    """
    prior = chosen(trained)
    if prior != TRAIN:
        more = _offsets(prior, trained, streams(batch), device)
        predictions = outputs.of(logits, trained.contents, more)
    if prior != TRAIN or trained.prior:
        for prediction in predictions:
            prediction["prior"] = prior
    return predictions


def streams(batch: Sequence[Record]) -> list[Sequence[str]]:
    """Return which streams each fused record has used."""
    return [record["features"]["fused"].get("streams") or () for record in batch]


def _offsets(
    prior: str | dict[str, float],
    trained: Bundle,
    used: Sequence[Sequence[str]],
    device: str,
) -> np.ndarray:
    """Return what to add to log-probabilities (records, classes)."""
    import numpy as np

    before = of_training(trained, used, device)
    if isinstance(prior, str):
        return -before
    with np.errstate(divide="ignore"):  # a class without a share is never predicted
        return np.log([prior.get(label, 0.0) for label in trained.labels]) - before


def _of_file(name: str, labels: Sequence[str], stdin: BinaryIO) -> dict[str, float]:
    """Return the shares in a JSON object, or of the labels of records; UsageError for none."""
    if Path(name).suffix.lower() == ".json":
        with opening.required(name, stdin) as stream:
            return _stated(name, stream.read(), labels)
    return _counted(name, further_files.read(name, stdin), labels)


def _stated(name: str, content: bytes, labels: Sequence[str]) -> dict[str, float]:
    hint = f"a JSON object such as {SHARES}"
    try:
        given = orjson.loads(content)
        values = label_reading.numbers({"shares": given}, "shares", name)
    except (ValueError, RecordError):
        raise UsageError(f"--prior {name}: not shares by label", hint=hint) from None
    shares = dict.fromkeys(labels, 0.0)
    for word, share in values.items():
        if (label := _label(word, labels)) is None:
            known = f"the labels are {', '.join(labels)}"
            raise UsageError(f"--prior {name}: unknown label '{word:.60}'", hint=known)
        if share < 0:
            raise UsageError(f"--prior {name}: {word:.60} has a share of {share}", hint=hint)
        shares[label] += share
    return _scaled(name, shares, hint)


def _counted(name: str, records: Iterable[Record], labels: Sequence[str]) -> dict[str, float]:
    """Return the shares of labels among records, each counted once more (our choice)."""
    found: Counter[str] = Counter()
    for record in records:
        try:
            word = label_reading.emotion(label_reading.label(record), label_reading.LABEL)
        except RecordError as error:
            raise UsageError(f"--prior {name}: {error}") from None
        if word and (label := _label(word, labels)):
            found[label] += 1
    if not found:
        hint = f"its records need label.emotion, one of {', '.join(labels)}"
        raise UsageError(f"--prior {name}: no label to count", hint=hint)
    return _scaled(name, {label: found[label] + 1.0 for label in labels}, "")


def _label(word: str, labels: Sequence[str]) -> str | None:
    return next((label for label in (word, canonical(word)) if label in labels), None)


def _scaled(name: str, shares: Mapping[str, float], hint: str) -> dict[str, float]:
    total = math.fsum(shares.values())
    if not 0 < total < math.inf:
        raise UsageError(f"--prior {name}: the shares add to {total:g}", hint=hint)
    return {label: float(f"{share / total:.6g}") for label, share in shares.items()}
