"""Records through `emocli merge -` against `jq -c .`, and memory at 1,000 and 1,000,000 records."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

RECORDS = 100_000
RECORD_BYTES = 1024
RUNS = 3
BAR = 4.0
FEW, MANY = 1_000, 1_000_000
MEMORY_BAR = 1.1  # the same but for noise of the allocator
MERGE = [sys.executable, "-m", "emocli", "merge", "-", "--quiet"]


def run() -> list[dict[str, Any]]:
    """Return a row for speed (start-up included) and one for memory."""
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder, "records.jsonl")
        write(records, RECORDS)
        return [_speed(records), _memory(Path(folder))]


def write(path: Path, count: int) -> None:
    """Write records of 1 KB: an id, a path, labels, and a vector that fills the rest."""
    noise = random.Random(0)
    vector = [round(noise.gauss(0, 1), 6) for _ in range(70)]
    record: dict[str, Any] = {
        "id": f"{0:09d}",
        "path": f"clips/{0:09d}.wav",
        "audio": {"sample_rate_hz": 16000, "duration": 3.25, "channels": 1},
        "label": {"emotion": "joy", "original": "happy"},
        "features": {"audio": {"modality": "audio", "dim": len(vector), "vector": vector}},
        "note": "",
    }
    record["note"] = "x" * (RECORD_BYTES - 1 - len(orjson.dumps(record)))
    before, inside, after = orjson.dumps(record).split(b"000000000")
    with path.open("wb") as out:
        for number in range(count):
            name = b"%09d" % number
            out.write(b"".join([before, name, inside, name, after, b"\n"]))


def _speed(records: Path) -> dict[str, Any]:
    jq = shutil.which("jq")
    if not jq:
        return {"name": "merge: skipped, no jq here", "ok": True}
    _seconds(MERGE, records)
    pairs = [(_seconds(MERGE, records), _seconds([jq, "-c", "."], records)) for _ in range(RUNS)]
    value, peer_value = (RECORDS / statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "name": f"merge, {RECORDS:,} records of 1 KB",
        "value": value,
        "unit": "records/s",
        "peer": "jq -c .",
        "peer_value": peer_value,
        "ratio": value / peer_value,
        "bar": BAR,
        "ok": value / peer_value >= BAR,
    }


def _seconds(command: list[str], records: Path) -> float:
    start = time.perf_counter()
    with records.open("rb") as stdin:
        subprocess.run(command, stdin=stdin, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _memory(folder: Path) -> dict[str, Any]:
    few, many = (_peak_mib(folder, count) for count in (FEW, MANY))
    return {
        "name": f"merge, memory at {MANY:,} records",
        "value": many,
        "unit": "MiB",
        "peer": f"at {FEW:,}",
        "peer_value": few,
        "ratio": many / few,
        "bar": MEMORY_BAR,
        "ok": many / few <= MEMORY_BAR,
    }


def _peak_mib(folder: Path, count: int) -> float:
    """Return the peak resident memory of a run, in MiB; the records come through a pipe."""
    path = folder / f"{count}.jsonl"
    write(path, count)
    with path.open("rb") as stdin, Path(os.devnull).open("wb") as stdout:
        process = subprocess.Popen(MERGE, stdin=stdin, stdout=stdout)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    path.unlink()
    assert process.returncode == 0
    return usage.ru_maxrss / 1024  # kilobytes on Linux
