"""Turn logits into predictions: calibrated, decoded, in the units of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emocli.bundles import bundle, heads
from emocli.errors import ConfigError
from emocli.records import Record

if TYPE_CHECKING:
    import numpy as np

# The decoder of blends for a bundle that has none. Our choice: halfway between the ideal answers,
# which are 100 and 0 for one emotion, and 70 and 30 or 50 and 50 for a blend.
DECODER = {"rule": "published", "alpha": 0.15, "beta": 0.2}


def of(logits: Any, contents: Mapping[str, Any], offsets: Any = None) -> list[Record]:
    """Return the predictions of a bundle with these contents, one per row of its logits.

    `offsets` (records, classes) are added to the calibrated log-probabilities of the labels.
    """
    import numpy as np

    from emocli.bundles import scaling

    listed = heads.of(contents)
    columns = heads.split(listed, np.asarray(logits, np.float64))
    rows: list[Record] = [{"emotion": None} for _ in range(len(logits))]
    for head in listed:
        values = columns[head.target]
        if head.labels:
            logs = calibrated(values, contents.get("calibration") or {})
            if offsets is not None:
                logs = scaling.log_softmax(logs + offsets)
            rows = [prediction(row, list(head.labels)) for row in logs]
            if head.kind == heads.BLEND:
                _add_blends(rows, logs, head, contents.get("decoder") or DECODER)
        else:
            for row, value in zip(rows, values[:, 0], strict=True):
                row[head.target] = float(f"{value * head.scale + head.mean:.6g}")
    return rows


def calibrated(logits: np.ndarray, calibration: Mapping[str, Any]) -> np.ndarray:
    """Return calibrated log-probabilities (records, classes) of the labelled head's logits."""
    import numpy as np

    from emocli.bundles import scaling

    if calibration.get("weights") is not None:
        weights, bias = (np.asarray(calibration[key], np.float64) for key in ("weights", "bias"))
        if not weights.shape == bias.shape == logits.shape[1:]:
            message = f"the calibration has {weights.size} classes, the logits {logits.shape[1]}"
            raise ConfigError(message)
        logits = logits * weights + bias
    else:
        logits = logits / (calibration.get("temperature") or 1.0)
    return scaling.log_softmax(logits)


def provenance(contents: Mapping[str, Any], streams: Sequence[str] = ()) -> Record:
    """Return whether predictions are calibrated and, if it is known, on what.

    Where each stream was calibrated by itself, what is said is about the `streams` used.
    """
    calibration = contents.get("calibration")
    if not calibration:
        return {"calibrated": False}
    on = calibration.get("on")
    if isinstance(on, Mapping):
        on = "; ".join(f"{name}: {on[name]}" for name in streams if name in on)
    return {"calibrated": True, **({"calibrated_on": on} if on else {})}


def unimodal(values: Any, trained: bundle.Bundle) -> list[Record]:
    """Return the unimodal predictions of a stream from its log-probabilities (records, columns).

    The columns of regression heads are numbers. A model may give those of its first heads only.
    """
    import numpy as np

    present, columns = [], 0
    for head in trained.heads:
        if columns < values.shape[1]:
            present.append(head)
            columns += head.size
    if columns != values.shape[1]:
        raise ConfigError(
            f"{trained.name}: unimodal logits of {values.shape[1]} columns fit no heads"
        )
    listed = [{**vars(head), "labels": list(head.labels)} for head in present]
    return of(np.asarray(values), {"heads": listed, "decoder": trained.contents.get("decoder")})


def neutral(labels: Sequence[str]) -> int | None:
    """Return the index of the label that is never part of a blend, or None."""
    return list(labels).index("neutral") if "neutral" in labels else None


def _add_blends(rows: list[Record], logs: Any, head: heads.Head, decoder: Record) -> None:
    """Add `blend` to predictions, the larger share first; that label becomes `emotion`."""
    import numpy as np

    from emocli.metrics import blend_decoder

    probabilities = np.exp(logs)
    try:
        decoded = blend_decoder.decoded(probabilities, decoder, neutral(head.labels))
    except (KeyError, ValueError) as error:
        raise ConfigError(f"decoder of blends: {error}", hint="emocli calibrate fits one") from None
    for row, shares, likely in zip(rows, decoded, probabilities, strict=True):
        order = sorted(np.flatnonzero(shares > 0), key=lambda i: (-shares[i], -likely[i]))
        row["blend"] = {head.labels[i]: float(shares[i]) for i in order}
        row["emotion"] = head.labels[order[0]]


def disagreements(batch: Sequence[Record], predictions: Sequence[Record]) -> list[Record]:
    """Return {stream: bits} per record: each unimodal prediction's divergence from the fused one.

    The Jensen-Shannon divergence, in [0, 1]. Empty without probabilities.
    """
    import numpy as np

    from emocli.metrics import distribution

    pairs, places = [], []
    for i, (record, prediction) in enumerate(zip(batch, predictions, strict=True)):
        fused = prediction.get("probabilities")
        for name, single in (record.get("unimodal") or {}).items():
            if fused and _same_labels(single, fused):
                pairs.append([list(single["probabilities"].values()), list(fused.values())])
                places.append((i, name))
    result: list[Record] = [{} for _ in batch]
    if pairs:
        unimodal_rows, fused_rows = np.array(pairs).transpose(1, 0, 2)
        bits = distribution.divergences(unimodal_rows, fused_rows) / np.log(2)
        for (i, name), value in zip(places, bits, strict=True):
            result[i][name] = float(f"{value:.4g}")
    return result


def _same_labels(single: Any, fused: Record) -> bool:
    """Return whether a prediction, which may be another model's, has the labels of ours."""
    shares = single.get("probabilities") if isinstance(single, dict) else None
    return isinstance(shares, dict) and list(shares) == list(fused)


def prediction(log_probabilities: Any, labels: list[str]) -> Record:
    """Return the prediction of log-probabilities (classes,), with confidence and entropy."""
    import numpy as np

    logs = np.asarray(log_probabilities, np.float64)
    values = np.exp(logs)
    best = int(values.argmax())
    surprise = np.where(values > 0, logs, 0.0)  # a class without a share adds nothing
    return {
        "emotion": labels[best],
        "probabilities": {n: float(f"{v:.6g}") for n, v in zip(labels, values, strict=True)},
        "confidence": float(f"{values[best]:.6g}"),
        "entropy": float(f"{max(0.0, -(values * surprise).sum()):.6g}"),
    }
