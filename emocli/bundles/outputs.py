"""From logits to what a prediction says: calibrated, decoded, in the units of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emocli.bundles import bundle, heads
from emocli.errors import ConfigError
from emocli.records import Record

if TYPE_CHECKING:
    import numpy as np

# Of a blend where a bundle has no decoder. Our choice: halfway between the ideal answers, of which
# one emotion is 100 and 0, and blends are 70 and 30 or 50 and 50.
DECODER = {"rule": "published", "alpha": 0.15, "beta": 0.2}


def of(logits: Any, contents: Mapping[str, Any]) -> list[Record]:
    """Return what a bundle with these contents answers, a dict for each row of its logits."""
    import numpy as np

    answered = heads.of(contents)
    columns = heads.split(answered, np.asarray(logits, np.float64))
    rows: list[Record] = [{"emotion": None} for _ in range(len(logits))]
    for head in answered:
        values = columns[head.target]
        if head.labels:
            found = calibrated(values, contents.get("calibration") or {})
            rows = [prediction(row, list(head.labels)) for row in found]
            if head.kind == heads.BLEND:
                _add_blends(rows, found, head, contents.get("decoder") or DECODER)
        else:
            for row, value in zip(rows, values[:, 0], strict=True):
                row[head.target] = float(f"{value * head.scale + head.mean:.6g}")
    return rows


def calibrated(logits: np.ndarray, calibration: Mapping[str, Any]) -> np.ndarray:
    """Return log-probabilities (records, classes) of the logits of the head that has labels."""
    import numpy as np

    from emocli.bundles import scaling

    if "weights" in calibration:
        weights, bias = (np.asarray(calibration[key], np.float64) for key in ("weights", "bias"))
        if not weights.shape == bias.shape == logits.shape[1:]:
            raise ConfigError(f"calibration of {weights.size} classes, not {logits.shape[1]}")
        logits = logits * weights + bias
    else:
        logits = logits / calibration.get("temperature", 1.0)
    return scaling.log_softmax(logits)


def unimodal(values: Any, trained: bundle.Bundle) -> list[Record]:
    """Return what a stream says alone: of log-probabilities and numbers (records, columns).

    A model may have an answer of its first head only.
    """
    import numpy as np

    told, columns = [], 0
    for head in trained.heads:
        if columns < values.shape[1]:
            told.append(head)
            columns += head.size
    if columns != values.shape[1]:
        raise ConfigError(f"{trained.name}: a stream alone gives {values.shape[1]} numbers")
    listed = [{**vars(head), "labels": list(head.labels)} for head in told]
    return of(np.asarray(values), {"heads": listed, "decoder": trained.contents.get("decoder")})


def neutral(labels: Sequence[str]) -> int | None:
    """Return the place of the label that is never part of a blend, if it is there."""
    return list(labels).index("neutral") if "neutral" in labels else None


def _add_blends(rows: list[Record], logs: Any, head: heads.Head, decoder: Record) -> None:
    """Add `blend` to predictions, the larger share first; `emotion` is that one."""
    import numpy as np

    from emocli.metrics import blend_decoder

    probabilities = np.exp(logs)
    try:
        found = blend_decoder.decoded(probabilities, decoder, neutral(head.labels))
    except (KeyError, ValueError) as error:
        raise ConfigError(f"decoder of blends: {error}", hint="emocli calibrate fits one") from None
    for row, shares, likely in zip(rows, found, probabilities, strict=True):
        order = sorted(np.flatnonzero(shares > 0), key=lambda i: (-shares[i], -likely[i]))
        row["blend"] = {head.labels[i]: float(shares[i]) for i in order}
        row["emotion"] = head.labels[order[0]]


def disagreements(batch: Sequence[Record], predictions: Sequence[Record]) -> list[Record]:
    """Return {stream: bits} of each record: how far what it says alone is from the prediction.

    The Jensen-Shannon divergence, in [0, 1]. Empty where there are no probabilities.
    """
    import numpy as np

    from emocli.metrics import distribution

    pairs, places = [], []
    for i, (record, prediction) in enumerate(zip(batch, predictions, strict=True)):
        whole = prediction.get("probabilities")
        for name, said in (record.get("unimodal") or {}).items():
            if whole and "probabilities" in said:
                pairs.append([list(said["probabilities"].values()), list(whole.values())])
                places.append((i, name))
    found: list[Record] = [{} for _ in batch]
    if pairs:
        said, answered = np.array(pairs).transpose(1, 0, 2)
        bits = distribution.divergences(said, answered) / np.log(2)
        for (i, name), value in zip(places, bits, strict=True):
            found[i][name] = float(f"{value:.4g}")
    return found


def prediction(log_probabilities: Any, labels: list[str]) -> Record:
    """Return a prediction of log-probabilities (classes,): the likeliest, how sure, how spread."""
    import numpy as np

    logs = np.asarray(log_probabilities, np.float64)
    values = np.exp(logs)
    best = int(values.argmax())
    return {
        "emotion": labels[best],
        "probabilities": {n: float(f"{v:.6g}") for n, v in zip(labels, values, strict=True)},
        "confidence": float(f"{values[best]:.6g}"),
        "entropy": float(f"{-(values * logs).sum():.6g}"),
    }
