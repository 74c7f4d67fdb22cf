"""`emocli score` against a loop of orjson, its bootstrap against none and against scikit-learn's.

Times are those of the processor: user and system, start-up included.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sklearn import metrics

from emocli.metrics import report

LABELS = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise", "contempt")
MANY, SOME = 1_000_000, 100_000
CLUSTERS, RESAMPLES = 1000, 1000
DISTINCT = 10_000  # labels and predictions that repeat under new ids
RUNS = 3
TRIED = 5  # resamples of the loop around scikit-learn, scaled up
LOOP_BAR, BOOTSTRAP_BAR, SKLEARN_BAR = 4.0, 2.0, 20.0
LOOP = [
    sys.executable,
    "-c",
    "import sys, orjson\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)",
]
SCORE = [sys.executable, "-m", "emocli", "score", "--quiet", "--task", "distribution"]


def run() -> list[dict[str, Any]]:
    """Return a row for reading, one for resampling, and one for scikit-learn."""
    with tempfile.TemporaryDirectory() as folder:
        many, some = Path(folder, "many.jsonl"), Path(folder, "some.jsonl")
        write(many, MANY)
        write(some, SOME)
        plain = [*SCORE, "--bootstrap", "0"]
        drawn = [*SCORE, "--bootstrap", str(RESAMPLES)]
        rows = [
            _row(f"score, {MANY:,} predictions", (plain, LOOP), "orjson loop", many, LOOP_BAR),
            _row(f"score, {RESAMPLES:,} resamples", (drawn, plain), "none", some, BOOTSTRAP_BAR),
        ]
    return [*rows, _against_sklearn()]


def write(path: Path, count: int) -> None:
    """Write predictions over eight labels with people's distributions, by a thousand speakers."""
    random = np.random.default_rng(0)
    truth = random.dirichlet(np.ones(len(LABELS)), DISTINCT).round(4).tolist()
    given = random.dirichlet(np.ones(len(LABELS)), DISTINCT).round(6).tolist()
    rests = [_rest(*pair) for pair in zip(truth, given, strict=True)]
    with path.open("wb") as out:
        for i in range(count):
            head = b'{"id":"clip%07d","speaker":"s%d",' % (i, i % CLUSTERS)
            out.write(head + rests[i % DISTINCT])


def _rest(truth: list[float], given: list[float]) -> bytes:
    label = {
        "emotion": LABELS[int(np.argmax(truth))],
        "distribution": dict(zip(LABELS, truth, strict=True)),
    }
    prediction = {
        "emotion": LABELS[int(np.argmax(given))],
        "probabilities": dict(zip(LABELS, given, strict=True)),
        "model": "bench",
    }
    return orjson.dumps({"label": label, "prediction": prediction})[1:] + b"\n"


def _row(
    name: str, commands: tuple[list[str], list[str]], peer: str, path: Path, bar: float
) -> dict[str, Any]:
    """Return how many times the peer's time a command takes, at most `bar`."""
    pairs = [[cpu_seconds([*command, str(path)]) for command in commands] for _ in range(RUNS)]
    value, peer_value = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "name": name,
        "value": value,
        "unit": "s",
        "peer": peer,
        "peer_value": peer_value,
        "ratio": value / peer_value,
        "bar": bar,
        "ok": value / peer_value <= bar,
    }


def cpu_seconds(command: list[str]) -> float:
    """Return the processor time of a command, user and system."""
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime


def _against_sklearn() -> dict[str, Any]:
    """Return resamples a second of all figures of labels, and of a loop over five of them."""
    random = np.random.default_rng(0)
    truth, speakers = random.integers(len(LABELS), size=SOME), np.arange(SOME) % CLUSTERS
    given = random.dirichlet(np.ones(len(LABELS)), SOME)
    scored = report.Scored(truth, given.argmax(1), given)
    start = time.process_time()
    report.intervals(scored, speakers, resamples=RESAMPLES, seed=0)
    ours = RESAMPLES / (time.process_time() - start)
    rows_of = np.argsort(speakers, kind="stable").reshape(CLUSTERS, -1)
    start = time.process_time()
    for _ in range(TRIED):
        rows = rows_of[random.integers(CLUSTERS, size=CLUSTERS)].ravel()
        y, p, best = truth[rows], given[rows], scored.predicted[rows]
        metrics.accuracy_score(y, best)
        metrics.balanced_accuracy_score(y, best)
        metrics.f1_score(y, best, average="weighted")
        metrics.f1_score(y, best, average="macro")
        metrics.log_loss(y, p, labels=range(len(LABELS)))
    peer = TRIED / (time.process_time() - start)
    return {
        "name": f"score, bootstrap of {SOME:,} predictions",
        "value": ours,
        "unit": "resamples/s",
        "peer": "scikit-learn loop",
        "peer_value": peer,
        "ratio": ours / peer,
        "bar": SKLEARN_BAR,
        "ok": ours / peer >= SKLEARN_BAR,
    }
