"""The table of EEG models: its intervals, and runs that go on where they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from examples import eeg_table

ROOT = Path(__file__).parents[2]
BASELINE = "as recorded: logistic regression mean+SD+max"
ROWS = (BASELINE, "relative: stage1 + contrast + adversary")


def lines(gain: float) -> list[dict[str, Any]]:
    """Return fits of two seeds and two folds; stage 1 is better by a gain for everybody."""
    random, found = np.random.default_rng(0), []
    for seed in range(2):
        for fold in range(2):
            people = {str(fold + 5 * n): float(random.uniform(0.2, 0.8)) for n in range(4)}
            for row in ROWS:
                own = {who: value + gain * (row != BASELINE) for who, value in people.items()}
                about = {"row": row, "seed": seed, "fold": fold, "subjects": own}
                figures = {"accuracy": float(np.mean(list(own.values()))), "linear": 0.5}
                found.append(about | figures | {"mlp": 0.25, "cpu_s": 3.0})
    return found


def test_people_differ_and_the_paired_difference_does_not() -> None:
    rows = [row.split(" | ") for row in eeg_table.table(lines(0.1), BASELINE).splitlines()[2:]]
    accuracies = [float(cells[1].split()[0]) for cells in rows]
    assert round(accuracies[1] - accuracies[0], 1) == 10
    low, high = map(float, rows[1][1].partition("[")[2].strip("]").split(", "))
    assert high - low > 10
    assert rows[1][4] == "+10.0 [+10.0, +10.0]"
    assert rows[0][4] == ""
    assert rows[0][5:8] == ["50.0", "25.0", "4"]


def test_a_row_of_some_folds_is_compared_on_them() -> None:
    some = [line for line in lines(0.1) if line["row"] == BASELINE or line["fold"]]
    assert eeg_table.table(some, BASELINE).endswith(
        "| +10.0 [+10.0, +10.0] | 50.0 | 25.0 | 2 | 3 |"
    )
    assert "[+" not in eeg_table.table([line for line in some if line["row"] != BASELINE], "")


def test_the_interval_of_many_people_is_that_of_their_mean() -> None:
    values = np.random.default_rng(0).normal(size=(50, 40))
    low, high = eeg_table.interval(values)
    error = np.sqrt(2 / values.size)  # of the mean; drawing in two steps counts a variance twice
    assert abs((high - low) / (2 * 1.96 * error) - 1) < 0.1


def test_what_the_output_has_is_not_fitted_again(tmp_path: Path) -> None:
    output = tmp_path / "runs.jsonl"
    output.write_text("".join(json.dumps(line) + "\n" for line in lines(0.2)), encoding="utf-8")
    before = output.read_bytes()
    flags = ["--seeds", "2", "--folds", "2", "--rows", ",".join(ROWS), "--output", str(output)]
    command = [sys.executable, "examples/eeg_models.py", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "+20.0 [+20.0, +20.0]" in done.stdout
    assert output.read_bytes() == before
