"""Train every model on the same records and print how that went; torchrun may start several of it.

python -m tests.training.learning_curves FOLDER

JSON: {model: [{train_loss, dev_loss, ...}, ...]}.

The folder gets a checkpoint: one model is interrupted after an epoch and goes on from there.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emocli import models
from emocli.training import distributed, late_fusion, loop
from emocli.training.data import Filed, Frames, Vectors
from emocli.training.loop import Place, Settings

Record = dict[str, Any]

DIMS = {"audio": 6, "text": 4, "video": 3}
CLASSES = 3
RECORDS = 15  # the last batch has one record: not enough for two processes
SETTINGS = Settings(epochs=3, batch_size=7, learning_rate=3e-3, clip_norm=0.2)
HEADS_ALONE = "late-fusion"  # its heads are trained one by one
SMALL: dict[str, dict[str, Any]] = {
    HEADS_ALONE: {"hidden": 8},
    "linear": {},
    "stars": {"hidden": 8, "segments": 4, "psa_units": 16},
    "windows": {"hidden": 8, "frames": 4, "dropout": 0.2},
}


def records(timed: bool) -> Filed:
    """Return records of different lengths, with losses: each stream is missing in some."""
    random = np.random.default_rng(5)
    frames: list[Any] = []
    streams = {n: Frames(d, lambda at: frames[int(at)]) if timed else Vectors(d)
               for n, d in DIMS.items()}  # fmt: skip
    for i in range(RECORDS):
        for place, (name, dim) in enumerate(DIMS.items()):
            frames.append(random.normal(size=(2 + i % 9, dim)).astype(np.float32) + i % CLASSES)
            found = str(len(frames) - 1) if timed else frames[-1].mean(axis=0)
            streams[name].add(None if (i + place) % 5 == 0 else found)
    return Filed({**streams}, torch.arange(RECORDS) % CLASSES, torch.arange(RECORDS))


def model(name: str) -> Any:
    """Return a small model, always with the same weights."""
    torch.manual_seed(0)
    config = {"dims": DIMS, "classes": CLASSES, **SMALL.get(name, {"hidden": 8})}
    return config if name == HEADS_ALONE else models.build(name, config)


def curve(name: str, settings: Settings = SETTINGS, place: Place | None = None) -> list[Record]:
    """Train a model for three epochs, with dropout; return what was reported."""
    data = records(models.takes_time(name))
    lines: list[Record] = []
    fit = late_fusion.fit if name == HEADS_ALONE else loop.fit
    fit(model(name), data, data, settings, lines.append, place=place)
    for stream in data.streams.values():
        stream.close()
    return lines


def curves(folder: Path) -> dict[str, list[Record]]:
    """Return the curves of all models, and of one that was interrupted."""
    found = {name: curve(name) for name in models.names()}
    file = folder / f"{distributed.world()[1]}.safetensors"
    curve("miar", replace(SETTINGS, epochs=1), Place(checkpoint=file))
    distributed.broadcast(0.0)  # the first process has written it
    return found | {"miar, resumed": curve("miar", place=Place(checkpoint=file, resume=True))}


def main() -> None:
    """Print the curves; of several processes the first does."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    found = curves(Path(sys.argv[1]))
    if distributed.world()[0] == 0:
        print(json.dumps(found), flush=True)
    distributed.finish()


if __name__ == "__main__":
    main()
