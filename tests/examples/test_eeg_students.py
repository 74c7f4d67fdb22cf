"""The table of examples/eeg_students.py, of made students."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.eeg_students import BANDS, LABELS, permuted, read

ROOT = Path(__file__).parents[2]
STUDENTS, VIDEOS, SAMPLES = 5, 6, 4


def made(folder: Path) -> Path:
    """Write students whose powers tell their own label, in units of their own."""
    random = np.random.default_rng(0)
    (folder / "eeg").mkdir()
    with (folder / "eeg" / "confusion_eeg.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, ["subject ID", "VideoID", *BANDS, *LABELS.values()])
        rows.writeheader()
        for student in range(STUDENTS):
            for video in range(VIDEOS):
                own = (video + student) % 2
                labels = dict(zip(LABELS.values(), (float(own), float(video < 3)), strict=True))
                names = {"subject ID": float(student), "VideoID": float(video)}
                for _ in range(SAMPLES):
                    powers = np.exp(random.normal(8, 0.3, len(BANDS)) + 3 * student + own)
                    rows.writerow({**names, **labels, **dict(zip(BANDS, powers, strict=True))})
    return folder


@pytest.mark.slow
def test_every_protocol_has_its_figure_and_its_control(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOCLI_")}
    command = [sys.executable, "examples/eeg_students.py", "--permutations", "0"]
    env = {**kept, "EMOCLI_DATA": str(made(tmp_path))}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, rule, *lines = [line.strip("| ").split("|") for line in done.stdout.splitlines()]
    assert len(head) == len(rule) == 7
    cells = [[cell.strip() for cell in line] for line in lines]
    assert len({tuple(line[:3]) for line in cells}) == len(cells) == 8
    figures = {tuple(line[:3]): line[3:] for line in cells}
    for held_out in ("student", "student,video"):
        value, _, control, _ = figures["own", "z by student", held_out]
        assert float(value) > 0.9
        assert float(control) < 0.7  # two or three of five say so of each video
        assert float(figures["predefined", "raw", held_out][2]) == 1  # of the video alone


def test_labels_are_permuted_within_students_or_between_videos(tmp_path: Path) -> None:
    trials = read(made(tmp_path) / "eeg" / "confusion_eeg.csv")
    random = np.random.default_rng(0)
    for name, group in (("own", "speaker"), ("predefined", "stimulus")):
        records = [{**r, "label": r["labels"][name]} for r in trials]
        mixed = list(permuted(records, group, random))
        assert [r["id"] for r in mixed] == [r["id"] for r in records]
        assert [r["label"] for r in mixed] != [r["label"] for r in records]
        for student in {r["speaker"] for r in records}:
            sides = [[r["label"] for r in rs if r["speaker"] == student] for rs in (mixed, records)]
            assert sorted(sides[0]) == sorted(sides[1])
    for video in {r["stimulus"] for r in mixed}:
        assert len({r["label"] for r in mixed if r["stimulus"] == video}) == 1
