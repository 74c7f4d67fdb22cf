"""Compare all fusion models on tasks whose answer is known: examples/compare_fusion.sh.

Writes a Markdown table to stdout, models by tasks, mean and SD over seeds in percent, and a JSON
line per run to --output. Everything is trained alike: the same settings, width and data.

Columns: accuracy on `xor` (chance 50), `noise` (25), `conflict` (25), `missing` (33); on `rare`
the mean recall of the two rare classes (25). Last rows: what the ablations do.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TextIO

import torch
from fusion_tasks import TASKS, Task, accuracy, filled, fitted, mean_over_time, recall

from emocli import models

JOINT = [name for name in models.names() if models.takes_time(name) and name != "late-fusion"]
UNMASKED = {"modality_dropout": 0.0}  # trained on whole records, as filling in would have it
EVEN = ("concat", "gated", "stars")
STARS_PSA = {"psa": 3.0}  # loud enough to see what is drawn
# row -> model, what is changed, how lost streams of the test records are filled, tasks (or all)
ROWS: dict[str, tuple[str, dict[str, Any], str | None, set[str] | None]] = {
    "late-fusion": ("late-fusion", {}, None, None),
    **{name: (name, {}, None, None) for name in JOINT},
    "best single stream": ("concat", {}, None, {"xor", "noise", "conflict", "rare"}),
    "concat, lost are zeros": ("concat", UNMASKED, "zeros", {"missing"}),
    "concat, lost are means": ("concat", UNMASKED, "means", {"missing"}),
    **{f"{name}, even batches": (name, {"even": True}, None, {"rare"}) for name in EVEN},
    "stars, psa 3, drawn evenly": ("stars", STARS_PSA, None, {"rare"}),
    "stars, psa 3, drawn at random": ("stars", STARS_PSA | {"psa_balanced": False}, None, {"rare"}),
}


def figure(row: str, task_name: str, seed: int) -> float:
    """Return the figure of one cell for one seed."""
    name, changes, fill, _ = ROWS[row]
    task = TASKS[task_name](seed)
    if row == "best single stream":
        return max(_measured(name, task.of(s), seed, changes) for s in task.train.streams)
    if fill:
        task = Task(task.train, task.dev, filled(task.test, task.train, fill), task.classes)
    if not models.takes_time(name):
        task = mean_over_time(task)
    return _measured(name, task, seed, changes)


def _measured(name: str, task: Task, seed: int, changes: dict[str, Any]) -> float:
    model = fitted(name, task, seed, **changes)
    return recall(model, task.test, task.rare) if task.rare else accuracy(model, task.test)


def run(cell: tuple[str, str, int]) -> dict[str, Any]:
    """Return one line: row, task, seed, figure, CPU seconds."""
    torch.set_num_threads(1)
    before = time.process_time()
    found = figure(*cell)
    keys = dict(zip(("row", "task", "seed"), cell, strict=True))
    return {**keys, "figure": round(found, 4), "cpu_s": round(time.process_time() - before, 2)}


def table(lines: list[dict[str, Any]], tasks: list[str]) -> str:
    """Return the table: mean and SD over seeds, in percent."""
    cells = defaultdict(list)
    for line in lines:
        cells[line["row"], line["task"]].append(100 * line["figure"])
    rows = [["", *tasks], ["---", *["--:"] * len(tasks)]]
    for row in dict.fromkeys(line["row"] for line in lines):
        rows.append([row, *(_cell(cells.get((row, task), [])) for task in tasks)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def _opened(path: Path | None) -> TextIO:
    return open(path or os.devnull, "w", buffering=1, encoding="utf-8")


def main() -> None:
    """Run all cells and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tasks", default=",".join(TASKS), help="which, with commas between")
    parser.add_argument("--rows", default=",".join(ROWS), help="which begin so, commas between")
    parser.add_argument("--output", type=Path, help="JSON Lines: a line per run")
    chosen = parser.parse_args()
    tasks = chosen.tasks.split(",")
    rows = [row for row in ROWS if row.startswith(tuple(chosen.rows.split(",")))]
    cells = [
        (row, task, seed)
        for row in rows
        for task in tasks
        for seed in range(chosen.seeds)
        if task in (ROWS[row][3] or tasks)
    ]
    lines = []
    with ProcessPoolExecutor(chosen.jobs) as pool, _opened(chosen.output) as log:
        for line in pool.map(run, cells):
            lines.append(line)
            log.write(json.dumps(line) + "\n")
            sys.stderr.write(f"\r{len(lines)} of {len(cells)} ")
    sys.stderr.write("\n")
    print(table(lines, tasks))


if __name__ == "__main__":
    main()
