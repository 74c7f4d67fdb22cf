"""The table of e2llm.sh: emotions of unseen subjects, questions, and controls.

    python examples/e2llm_table.py FOLD...

Balanced accuracy with 95 % intervals that resample subjects; Cohen's kappa; for orders Kendall's
tau; questions count as wrong where there is no answer.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]
DRAWS = 1000
ROWS = {
    "linear head on the same features": "linear",
    "stage 1's own head": "stage1",
    "stage 2: soft tokens, frozen language model": "two",
    "stage 3: + questions, adapter": "three",
    "stage 3 without stage 1 first": "without",
    "control: EEG of another trial": "shuffled.three",
    "control: no EEG": "none",
    "control: random tokens of the same norm": "random",
}
CHANCE = {"compare": 1 / 2, "rank": 1 / 6, "match": 1 / 4}


def read(folders: Sequence[Path], name: str) -> list[Record]:
    """Return the records of a row, of all folds."""
    found = []
    for folder in folders:
        file = folder / f"{name}.jsonl"
        found += [json.loads(line) for line in file.read_text().splitlines()]
    return found


def balanced(records: Sequence[Record]) -> float:
    """Return the mean recall of the emotions; a record without an answer is wrong."""
    right: dict[str, list[bool]] = {}
    for record in records:
        said = (record.get("prediction") or {}).get("emotion")
        right.setdefault(record["label"]["emotion"], []).append(said == record["label"]["emotion"])
    return float(np.mean([np.mean(found) for found in right.values()]))


def kappa(records: Sequence[Record]) -> float:
    """Return Cohen's kappa: agreement beyond that of the shares of answers and labels."""
    pairs = [((r.get("prediction") or {}).get("emotion"), r["label"]["emotion"]) for r in records]
    shares = [
        {
            name: sum(pair[side] == name for pair in pairs) / len(pairs)
            for pair in pairs
            for name in pair
        }
        for side in (0, 1)
    ]
    chance = sum(shares[0][name] * shares[1][name] for name in shares[0])
    return (sum(a == b for a, b in pairs) / len(pairs) - chance) / (1 - chance)


def answered(records: Sequence[Record]) -> float:
    """Return the share of questions that are answered right."""
    right = [
        (r.get("prediction") or {}).get("answer") == r["instruction"]["answer"] for r in records
    ]
    return float(np.mean(right))


def tau(records: Sequence[Record]) -> float:
    """Return the mean Kendall's tau of orders of three."""
    values = []
    for record in records:
        said, wanted = record["prediction"]["answer"], record["instruction"]["answer"]
        pairs = [(a, b) for a in wanted for b in wanted if wanted.index(a) < wanted.index(b)]
        values.append(np.mean([1 if said.index(a) < said.index(b) else -1 for a, b in pairs]))
    return float(np.mean(values))


def interval(records: Sequence[Record], figure: Callable[[Sequence[Record]], float]) -> str:
    """Return a figure with its interval over subjects."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["speaker"], []).append(record)
    draws, names = random.Random(0), sorted(groups)
    values = []
    for _ in range(DRAWS):
        chosen = draws.choices(names, k=len(names))
        values.append(figure([record for name in chosen for record in groups[name]]))
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{figure(records):.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Print both tables."""
    folders = [Path(name) for name in sys.argv[1:]]
    print("| emotion of unseen subjects, chance .14 | balanced accuracy | kappa |")
    print("| --- | --- | --- |")
    for words, name in ROWS.items():
        records = read(folders, name)
        print(f"| {words} | {interval(records, balanced)} | {kappa(records):.2f} |")
    print("\n| questions of unseen subjects | stage 3 | no EEG | random tokens | chance |")
    print("| --- | --- | --- | --- | --- |")
    asked = [read(folders, f"asked.{name}") for name in ("three", "none", "random")]
    for task in CHANCE:
        own = [[r for r in rows if r["instruction"]["task"] == task] for rows in asked]
        _row(task, own, CHANCE[task])
        if task == "rank":
            taus = " | ".join(f"{tau(rows):.2f}" for rows in own)
            print(f"| rank, Kendall's tau | {taus} | 0 |")
    new = [read(folders, f"new.{name}") for name in ("three", "none", "random")]
    _row("match, situations that are new", new, CHANCE["match"])


def _row(words: str, parts: Sequence[Sequence[Record]], chance: float) -> None:
    cells = " | ".join(interval(rows, answered) for rows in parts)
    print(f"| {words} | {cells} | {chance:.2f} |")


if __name__ == "__main__":
    main()
