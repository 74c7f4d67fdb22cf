"""The first sign of life on a terminal, and an answer to a pipe that then idles."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RUNS = 5
SIGN_S = 0.5  # from the start of the process to the first byte on the terminal
ANSWER_S = 0.1  # from a sentence in a pipe to its prediction, while the pipe stays open
CLIP = str(Path(__file__).parents[2] / "examples" / "clips" / "joy.wav")
EMOCLI = [sys.executable, "-m", "emocli"]
COMMANDS = {
    "predict": [CLIP],
    "transcribe": [CLIP],
    "encode": [CLIP],
    "prosody": [CLIP],
    "train": [os.devnull, "-o", "no-such-folder/model"],
}


def run() -> list[dict[str, Any]]:
    """Return a row per command, and one for the answer: medians of several runs."""
    rows = [
        _row(f"{name}: first sign of life", [first_sign(name) for _ in range(RUNS + 1)][1:], SIGN_S)
        for name in COMMANDS
    ]
    return [*rows, _row("predict --text -: answer to a pipe that idles", answers(RUNS), ANSWER_S)]


def _row(name: str, seconds: list[float], bar: float) -> dict[str, Any]:
    value = statistics.median(seconds)
    return {"name": name, "value": value, "unit": "s", "bar": f"{bar} s", "ok": value <= bar}


def first_sign(name: str) -> float:
    """Return the seconds until a command writes its first byte to a terminal."""
    ours, theirs = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(
        [*EMOCLI, name, *COMMANDS[name]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    os.read(ours, 1)
    seconds = time.perf_counter() - start
    try:
        while os.read(ours, 1 << 16):
            pass
    except OSError:  # the process has ended
        pass
    process.wait()
    os.close(ours)
    return seconds


def answers(number: int) -> list[float]:
    """Return the seconds between sentences and their predictions, once the model is loaded."""
    with subprocess.Popen(
        [*EMOCLI, "predict", "--quiet", "--text", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin
        assert process.stdout
        found = []
        for place in range(number + 1):
            start = time.perf_counter()
            process.stdin.write(b"I am so happy, sentence %d\n" % place)
            process.stdout.readline()
            found.append(time.perf_counter() - start)
            time.sleep(0.2)
        process.stdin.close()
    return found[1:]
