"""A table of 2,000 lines against the same lines as JSON Lines: through `predict`, and read only.

Times are medians of alternating runs. The second row is the reader alone, on more lines.
"""

from __future__ import annotations

import csv
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from emocli.io import inputs
from tests.bench.bench_startup import seconds

LINES, MANY = 2_000, 200_000
RUNS = 3
BAR = 1.2
READ_BAR = 3.0  # of orjson, which has no cells to look at
FEW_ROWS, MANY_ROWS = 1_000, 10_000_000
MEMORY_BAR = 1.1
PREDICT = [sys.executable, "-m", "emocli", "predict", "--json", "--quiet"]
WORDS = ("well", "I", "think", "that", "this", "is", "really", "fine", "but", "why", "you", "say")
READ = """
import sys
from emocli.io import inputs
count = sum(1 for _ in inputs.Source(["-"], sys.stdin.buffer, input_format="csv"))
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
print(count, peak)
"""


def run() -> list[dict[str, Any]]:
    """Return a row for predicting, one for reading, and one for memory."""
    with tempfile.TemporaryDirectory() as folder:
        table, records = Path(folder, "t.csv"), Path(folder, "t.jsonl")
        rows = _rows(LINES)
        table.write_bytes(_as_csv(rows))
        records.write_bytes(_as_jsonl(rows))
        commands = [[*PREDICT, str(file)] for file in (table, records)]
        pairs = [(seconds(commands[0]), seconds(commands[1])) for _ in range(RUNS)]
    predicted = _row(f"predict, {LINES:,} lines of CSV", pairs, BAR)
    rows = _rows(MANY)
    whole = (_as_csv(rows), "csv"), (_as_jsonl(rows), "jsonl")
    read = [(_read(*whole[0]), _read(*whole[1])) for _ in range(RUNS)]
    return [predicted, _row(f"reading {MANY:,} lines of CSV", read, READ_BAR), _memory()]


def _row(name: str, pairs: list[tuple[float, float]], bar: float) -> dict[str, Any]:
    value, peer_value = (statistics.median(column) for column in zip(*pairs, strict=True))
    about = {"name": name, "unit": "s", "peer": "JSON Lines", "bar": bar}
    ratio = value / peer_value
    return {**about, "value": value, "peer_value": peer_value, "ratio": ratio, "ok": ratio <= bar}


def _rows(count: int) -> list[list[str]]:
    noise = random.Random(0)
    return [
        [
            f"u{i}",
            f"s{i % 50}",
            ", ".join(noise.choices(WORDS, k=12)),
            noise.choice(("joy", "fear")),
        ]
        for i in range(count)
    ]


def _as_csv(rows: list[list[str]]) -> bytes:
    page = io.StringIO()
    csv.writer(page).writerows([["id", "Speaker", "Utterance", "emotion"], *rows])
    return page.getvalue().encode()


def _as_jsonl(rows: list[list[str]]) -> bytes:
    made = (
        {"id": name, "speaker": speaker, "text": text, "label": {"emotion": label}}
        for name, speaker, text, label in rows
    )
    return b"".join(orjson.dumps(record) + b"\n" for record in made)


def _read(data: bytes, input_format: str) -> float:
    start = time.perf_counter()
    source = inputs.Source(["-"], io.BytesIO(data), input_format=input_format)
    assert sum(1 for _ in source) == MANY
    return time.perf_counter() - start


def _memory() -> dict[str, Any]:
    few, many = _peak_mib(FEW_ROWS), _peak_mib(MANY_ROWS)
    return {
        "name": f"reading CSV, memory at {MANY_ROWS:,} rows",
        "value": many,
        "unit": "MiB",
        "peer": f"at {FEW_ROWS:,}",
        "peer_value": few,
        "ratio": many / few,
        "bar": MEMORY_BAR,
        "ok": many / few <= MEMORY_BAR,
    }


def _peak_mib(rows: int) -> float:
    """Return the peak resident memory of reading a table from a pipe, in MiB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-c", READ]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, env=environment, **pipes) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"time;author;message\n")
        block = b"".join(b"12:01;s%d;Hi, how are you today?\n" % (i % 50) for i in range(1000))
        for _ in range(rows // 1000):
            process.stdin.write(block)
        process.stdin.close()
        count, peak = process.stdout.read().split()
    assert int(count) == rows
    return int(peak) / 1024
