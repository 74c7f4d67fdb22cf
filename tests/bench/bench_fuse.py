"""Fuse pooled vectors, in batches as they come, against the same at a batch of one."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch

from emocli import models, pipeline
from emocli.bundles import bundle
from emocli.cli import main
from emocli.pipeline.context import Context
from emocli.stages import fuse

RECORDS = 2_000
ALONE = 250  # of these at a batch of one
DIMS = {"text": 384, "audio": 384}
RUNS = 3
BAR = 5.0


def run() -> list[dict[str, Any]]:
    """Return a row per model that fuses, of the stage; and one of the whole command, with JSON.

    Figures are records per second of CPU time, the best of three runs in turns.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        lines = records()
        names = [n for n in models.names() if n not in ("linear", "mlp")]
        saved = {name: save(Path(folder, name), name) for name in names}
        rows = [row(f"fuse {name}", of_stage, saved[name], lines) for name in names]
        # Two thirds of its time are JSON, which batches cannot help: no bar.
        whole = row("emocli fuse, with concat", of_command, saved["concat"], lines)
        return [*rows, {**whole, "bar": None, "ok": True}]


def row(name: str, of: Callable[..., float], folder: Path, lines: list[bytes]) -> dict[str, Any]:
    """Measure both in turns."""
    of(folder, "auto", lines[:2])
    pairs = [
        (RECORDS / of(folder, "auto", lines), ALONE / of(folder, "1", lines[:ALONE]))
        for _ in range(RUNS)
    ]
    value, peer_value = (max(column) for column in zip(*pairs, strict=True))
    return {
        "name": f"{name}, {len(DIMS)} vectors of 384",
        "value": value,
        "unit": "records/s",
        "peer": "a batch of one",
        "peer_value": peer_value,
        "ratio": value / peer_value,
        "bar": BAR,
        "ok": value / peer_value >= BAR,
    }


def of_stage(folder: Path, size: str, lines: list[bytes]) -> float:
    """Return the CPU time of the command's stage on records that are read already."""
    context = Context(batch_size=None if size == "auto" else int(size), device="cpu", offline=True)
    trained = bundle.read(folder)
    stage = pipeline.windowed(fuse.stage(context, trained), fuse.window(context, trained))
    given = [orjson.loads(line) for line in lines]
    start = time.process_time()
    count = sum("fused" in record["features"] for record in stage(iter(given)))
    taken = time.process_time() - start
    assert count == len(lines)
    return taken


def of_command(folder: Path, size: str, lines: list[bytes]) -> float:
    """Return the CPU time of the command line in this process."""
    command = ["fuse", "--quiet", "--model", str(folder), "--batch-size", size]
    stdout, stderr = io.BytesIO(), io.StringIO()
    start = time.process_time()
    status = main.run(command, io.BytesIO(b"".join(lines)), stdout, stderr)
    taken = time.process_time() - start
    assert status == 0, stderr.getvalue()
    assert stdout.getvalue().count(b"\n") == len(lines)
    return taken


def records() -> list[bytes]:
    """Return lines of records with a vector for each stream."""
    random = np.random.default_rng(0)
    return [
        orjson.dumps({"id": f"r{i}", "features": {n: _feature(n, random) for n in DIMS}}) + b"\n"
        for i in range(RECORDS)
    ]


def _feature(name: str, random: np.random.Generator) -> dict[str, Any]:
    vector = random.normal(size=DIMS[name]).astype(np.float32)
    numbers = orjson.loads(orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY))
    return {**_spec(name), "vector": numbers}


def _spec(name: str) -> dict[str, Any]:
    made = {"encoder": f"{name}-net", "layer": 1, "pooling": "mean"}
    return {"modality": name, **made, "dim": DIMS[name]}


def save(folder: Path, name: str) -> Path:
    """Write an untrained bundle with the model's own sizes."""
    config: dict[str, Any] = {"dims": DIMS, "classes": 7}
    if name == "late-fusion":
        config |= {"hidden": dict.fromkeys(DIMS, 0), "weights": dict.fromkeys(DIMS, 1.0)}
    labels = [f"emotion {i}" for i in range(7)]
    contents = {"name": name, "architecture": name, "config": config, "labels": labels}
    contents["streams"] = {stream: _spec(stream) for stream in DIMS}
    return bundle.save(folder, models.build(name, config), contents, "# card\n").folder
