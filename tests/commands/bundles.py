"""Untrained bundles of every model, and records with vectors or sequences for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from emocli import models
from emocli.bundles import bundle
from emocli.io.store import Store

Record = dict[str, Any]

DIMS = {"audio": 6, "voice": 3, "text": 4}
MODALITIES = {"audio": "audio", "voice": "audio", "text": "text"}
LABELS = ["neutral", "joy", "anger"]
VECTORS, FRAMES = "mean", "frames"
CONFIGS: dict[str, Record] = {
    "late-fusion": {
        "hidden": dict.fromkeys(DIMS, 0),
        "weights": {"audio": 1.0, "voice": 0.3, "text": 0.6},
    },
    "linear": {},
    "conv-attention": {"hidden": 8, "moments": 4},
    "stars": {"hidden": 8, "segments": 3},
}


def spec(name: str, pooling: str) -> Record:
    """Return what a stream must be; its encoder is nowhere to be had."""
    made = {"encoder": f"{name}-net", "layer": 1, "pooling": pooling}
    return {"modality": MODALITIES[name], **made, "dim": DIMS[name]}


def save(folder: Path, model: str, pooling: str = VECTORS, **contents: Any) -> bundle.Bundle:
    """Write a bundle with random weights, its first head over three labels if nothing is said."""
    columns = contents.pop("columns", len(LABELS))
    config = {"dims": DIMS, "classes": columns, **CONFIGS.get(model, {"hidden": 8})}
    config |= contents.pop("config", {})
    torch.manual_seed(4)
    network = models.build(model, config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)  # answers that differ from each other
    streams = {name: spec(name, pooling) for name in DIMS}
    about = {"name": model, "architecture": model, "config": config, "labels": LABELS}
    return bundle.save(folder, network, {**about, "streams": streams, **contents}, "# card\n")


def records(pooling: str, count: int = 9, seed: int = 5) -> list[Record]:
    """Return records of which each has another subset of the streams, sequences of any length."""
    random = np.random.default_rng(seed)
    found = []
    for i in range(count):
        subset = 1 + i % 7  # of three streams, as bits
        features = {}
        for bit, name in enumerate(DIMS):
            values = random.normal(size=(1 + int(random.integers(12)), DIMS[name]))
            if subset & 1 << bit:
                features[name] = feature(name, values if pooling == FRAMES else values[0])
        found.append({"id": f"r{i}", "features": features})
    return found


def feature(name: str, values: Any) -> Record:
    """Return a feature: a vector inline, a sequence in the store."""
    values = np.asarray(values, np.float32)
    if values.ndim == 1:
        return {**spec(name, VECTORS), "vector": values.tolist()}
    return {**spec(name, FRAMES), "array": Store().put_array(values)}
