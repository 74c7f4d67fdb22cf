"""How much each stream weighs in a prediction: gates of the model, its shares, or equal weights."""

from __future__ import annotations

from emocli.bundles.bundle import Bundle
from emocli.errors import RecordError
from emocli.records import Record


def of(batch: list[Record], trained: Bundle, device: str) -> list[dict[str, float] | RecordError]:
    """Return the weight of each stream in each prediction; equal weights if the model has none.

    For a record whose streams are not those of the model, the error instead.
    """
    fused = [record["features"]["fused"] for record in batch]
    used = [f.get("streams") or [] for f in fused]
    model = trained.model(device)
    gates: list[dict[str, float] | None] = [(f.get("gates") or {}).get("modalities") for f in fused]
    if hasattr(model, "shares"):
        import torch

        masks = {
            name: torch.tensor([name in u for u in used], device=device) for name in trained.streams
        }
        columns = {name: values.tolist() for name, values in model.shares(masks).items()}
        gates = [{name: columns[name][i] for name in columns} for i in range(len(batch))]
    return [
        _rounded(names, weights or dict.fromkeys(trained.streams, 1 / max(1, len(names))))
        for names, weights in zip(used, gates, strict=True)
    ]


def _rounded(names: list[str], weights: dict[str, float]) -> dict[str, float] | RecordError:
    """Return the weights of the streams that a record names; an error for one without a weight."""
    if unknown := [name for name in names if name not in weights]:
        listed = ", ".join(unknown)
        message = f"features.fused.streams names {listed}, which the model does not have"
        return RecordError("bad_feature", message, hint="run emocli fuse again")
    return {name: round(weights[name], 4) for name in names}
