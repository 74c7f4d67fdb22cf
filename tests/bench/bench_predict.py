"""predict one.wav, cold, against importing what it needs; and no network call with a warm cache."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.bench_startup import seconds

RUNS = 5
BAR = 1.5
CLIP = Path(__file__).parents[2] / "examples" / "clips" / "joy.wav"
COMMAND = [sys.executable, "-m", "emocli", "predict", "--json", "--quiet", str(CLIP)]
# Reading (soundfile), the speech encoder (torch, safetensors), hearing words (faster_whisper, with
# its voice activity detector's onnxruntime), the text encoder (tokenizers), the command line.
NEEDED = "numpy, onnxruntime, orjson, safetensors.torch, soundfile, tokenizers, torch, typer"
IMPORTS = [sys.executable, "-c", f"import {NEEDED}, faster_whisper"]
LISTEN = """
import sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open({log!r}, "a") as log:
            log.write(f"{{event}} {{arguments}}\\n")
sys.addaudithook(note)
"""


def run() -> list[dict[str, Any]]:
    """Return a row for the time (medians of alternating runs) and one for the network."""
    seconds(COMMAND)
    seconds(IMPORTS)
    pairs = [(seconds(COMMAND), seconds(IMPORTS)) for _ in range(RUNS)]
    value, peer_value = (statistics.median(column) for column in zip(*pairs, strict=True))
    calls = network_calls()
    return [
        {
            "name": "predict one.wav, cold",
            "value": value,
            "unit": "s",
            "peer": "importing what it needs",
            "peer_value": peer_value,
            "ratio": value / peer_value,
            "bar": BAR,
            "ok": value / peer_value <= BAR,
        },
        {
            "name": "predict one.wav, network calls",
            "value": calls,
            "unit": "",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "bar": None,
            "ok": calls == 0,
        },
    ]


def network_calls() -> int:
    """Return how often a run asks for an address or connects: an audit hook counts."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "calls")
        Path(folder, "sitecustomize.py").write_text(LISTEN.format(log=str(log)))
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        subprocess.run(COMMAND, env=environment, check=True, stdout=subprocess.DEVNULL)
        return len(log.read_text().splitlines()) if log.exists() else 0
