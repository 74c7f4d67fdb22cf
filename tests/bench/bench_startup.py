"""Every help page against importing typer: at most three times that."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

from emocli.cli import registry

RUNS = 15
BAR = 3.0
PEER = [sys.executable, "-c", "import typer"]


def run() -> list[dict[str, Any]]:
    """Return a row per help page: seconds of whole processes, medians of alternating runs."""
    return [_row(name) for name in ["", *registry.names()]]


def _row(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "emocli", *name.split(), "--help"]
    seconds(command)  # byte code and disk cache
    pairs = [(seconds(command), seconds(PEER)) for _ in range(RUNS)]
    value, peer_value = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = value / peer_value
    return {
        "name": " ".join(["emocli", *name.split(), "--help"]),
        "value": value,
        "unit": "ms",
        "peer": "import typer",
        "peer_value": peer_value,
        "ratio": ratio,
        "bar": BAR,
        "ok": ratio <= BAR,
    }


def seconds(command: list[str]) -> float:
    """Return how long a process takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
