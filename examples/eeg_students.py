"""What one channel of EEG of ten students says of confusion: python3 examples/eeg_students.py.

Reads $EMOCLI_DATA/eeg/confusion_eeg.csv (Wang et al. 2013, "Using EEG to improve massive open
online courses feedback interaction", AIED workshops; ten students, ten videos, the band powers of a
consumer headset once in half a second) and prints a table, in five minutes: how often a linear
model of the eight mean log band powers of a trial is right about the student's own label and about
the one that the video was given before, with students held out, and with students and videos held
out at once. Beside every figure stand its 95 % interval over students, the majority of the other
students on the same video (no EEG at all), and the band of 95 % that models reach on permuted
labels: the student's own within each student, the predefined one between whole videos.

The label is confusion, no emotion, and ten students are few. One dry electrode on the forehead
records eyes and muscles as well: who is confused may frown. The figures compare protocols; they
say nothing of what EEG can tell.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emocli.pipeline.context import Context
from emocli.scoring.options import ScoreOptions
from emocli.scoring.run import Work
from emocli.stages import normalize
from emocli.training.request import Request
from emocli.training.run import train

Record = dict[str, Any]

BANDS = ("Delta", "Theta", "Alpha1", "Alpha2", "Beta1", "Beta2", "Gamma1", "Gamma2")
LABELS = {"own": "user-definedlabeln", "predefined": "predefinedlabel"}
WORDS = ("clear", "confused")
PROTOCOLS = {"speaker": "10", "speaker,stimulus": "10,5"}
# Equal weights of the labels: where a video is held out, its label is the rarer one in training.
SETTINGS = {"balanced": True, "learning_rate": 0.1, "epochs": 12}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--permutations", type=int, default=40)
    flags = parser.parse_args()
    data = Path(os.environ.get("EMOCLI_DATA") or sys.exit("EMOCLI_DATA names no folder"))
    trials = read(data / "eeg" / "confusion_eeg.csv")
    print("| label | features | held out | accuracy | 95 % | control | permuted, 95 % |")
    print("|---" * 7 + "|")
    for label in LABELS:
        for by in ("raw", "z by student"):
            for cv in PROTOCOLS:
                line(trials, label, by, cv, flags.permutations)


def read(path: Path) -> list[Record]:
    """Return a record per trial, with the mean of the log band powers and both labels."""
    rows: dict[tuple[int, int], list[dict[str, str]]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            key = int(float(row["subject ID"])), int(float(row["VideoID"]))
            rows.setdefault(key, []).append(row)
    return [trial(*names, samples) for names, samples in rows.items()]


def trial(student: int, video: int, samples: list[dict[str, str]]) -> Record:
    """Return the record of a trial."""
    powers = np.log1p([[float(row[band]) for band in BANDS] for row in samples])
    about = {"modality": "eeg", "encoder": "headset", "layer": None, "pooling": "mean"}
    return {
        "id": f"{student}-{video}",
        "speaker": f"student {student}",
        "stimulus": f"video {video}",
        "trial": f"video {video}",
        "labels": {name: WORDS[int(float(samples[0][key]))] for name, key in LABELS.items()},
        "features": {"eeg": {**about, "dim": len(BANDS), "vector": powers.mean(0).tolist()}},
    }


def line(trials: list[Record], label: str, by: str, cv: str, permutations: int) -> None:
    """Print a line of the table."""
    records = [{**r, "label": {"emotion": r["labels"][label]}} for r in trials]
    if by != "raw":
        plan = normalize.Plan(by="speaker", streams=None, least=2)
        records = list(normalize.stage(Context(), plan)(iter(records)))
    row = scored(records, cv, 1000)
    random = np.random.default_rng(0)
    group = {"own": "speaker", "predefined": "stimulus"}[label]
    chance = [
        scored(list(permuted(records, group, random)), cv, 0)["accuracy"]
        for _ in range(permutations)
    ]
    low, high = np.quantile(chance or [np.nan], [0.025, 0.975])
    about = f"{label} | {by} | {cv.replace('speaker', 'student').replace('stimulus', 'video')}"
    interval = " to ".join(f"{end:.2f}" for end in row["intervals"]["accuracy"])
    figures = f"{row['accuracy']:.2f} | {interval} | {row['control']['accuracy']:.2f}"
    print(f"| {about} | {figures} | {low:.2f} to {high:.2f} |", flush=True)


def permuted(records: list[Record], group: str, random: np.random.Generator) -> Iterator[Record]:
    """Yield the records with labels that are permuted within speakers, or between stimuli."""
    if group == "stimulus":
        of = {r["stimulus"]: r["label"] for r in records}
        given = dict(zip(of, random.permutation(np.array([*of.values()])), strict=True))
        yield from ({**r, "label": given[r["stimulus"]]} for r in records)
        return
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        places.setdefault(record["speaker"], []).append(place)
    source: dict[int, int] = {}
    for own in places.values():
        source |= zip(own, random.permutation(own).tolist(), strict=True)
    yield from ({**r, "label": records[source[p]]["label"]} for p, r in enumerate(records))


def scored(records: list[Record], cv: str, resamples: int) -> Record:
    """Return the figures of out-of-fold predictions."""
    rows: list[Record] = []
    request = Request("linear", cv=cv, folds=PROTOCOLS[cv], settings=SETTINGS)
    train(Context(device="cpu"), request, iter(records), emit=rows.extend)
    options = ScoreOptions(task="classification", bootstrap=resamples)
    work = Work(options, lambda _: None, sys.stdin.buffer)
    return work.rows(work.read(iter(rows)))[0]


if __name__ == "__main__":
    main()
