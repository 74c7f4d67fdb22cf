"""The table of eeg_models.py: accuracies in percent, with intervals over seeds and subjects.

Intervals are 95 % percentiles of a bootstrap that draws seeds, and subjects within a seed, again:
every seed makes other people. Differences are paired, of the same people. Subjects of one fold
share a model, which the intervals do not know.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
PROBES = ("linear", "mlp")
Array = npt.NDArray[np.float64]
Lines = list[dict[str, Any]]


def table(lines: Lines, baseline: str) -> str:
    """Return a row for each of the `row`s of the lines, in their order."""
    seeds = sorted({line["seed"] for line in lines})
    head = ["", "accuracy", *(f"seed {seed}" for seed in seeds), "over the best regression"]
    head += ["subject, linear probe", "subject, MLP probe", "fits", "CPU s a fit"]
    rows = [head, ["---", *["--:"] * (len(head) - 1)]]
    for name in dict.fromkeys(line["row"] for line in lines):
        own = [line for line in lines if line["row"] == name]
        rows.append([name, *_accuracy(own, seeds), _over(lines, name, baseline), *_more(own)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _accuracy(own: Lines, seeds: list[int]) -> list[str]:
    values = by_subject(own)
    each = [_mean([line["accuracy"] for line in own if line["seed"] == seed]) for seed in seeds]
    return [_cell(values), *each]


def _over(lines: Lines, name: str, baseline: str) -> str:
    """Return the difference to the baseline on the same seeds and folds, if it has them all."""
    cells = {(line["seed"], line["fold"]) for line in lines if line["row"] == name}
    same = [line for line in lines if (line["seed"], line["fold"]) in cells]
    own, other = (by_subject([x for x in same if x["row"] == row]) for row in (name, baseline))
    if name == baseline or own.shape != other.shape:
        return ""
    return _cell(own - other, sign="+")


def _more(own: Lines) -> list[str]:
    probes = [_mean([line[probe] for line in own]) for probe in PROBES]
    seconds = statistics.mean(line["cpu_s"] for line in own)
    return [*probes, str(len(own)), f"{seconds:.0f}"]


def _mean(values: list[float]) -> str:
    return f"{100 * statistics.mean(values):.1f}" if values else ""


def by_subject(own: Lines) -> Array:
    """Return the accuracy of each subject, (seeds, subjects), NaN who was not tested."""
    found = {
        (line["seed"], int(subject)): accuracy
        for line in own
        for subject, accuracy in line["subjects"].items()
    }
    if not found:
        return np.empty((0, 0))
    seeds, subjects = (sorted(set(values)) for values in zip(*found, strict=True))
    return np.array([[found.get((a, b), np.nan) for b in subjects] for a in seeds])


def interval(values: Array) -> tuple[float, float]:
    """Return 95 % of the mean of values (seeds, subjects) over seeds and subjects drawn again."""
    random = np.random.default_rng(0)
    seeds, subjects = values.shape
    drawn = random.integers(seeds, size=(RESAMPLES, seeds, 1))
    people = random.integers(subjects, size=(RESAMPLES, seeds, subjects))
    means = np.nanmean(values[drawn, people], axis=(1, 2))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _cell(values: Array, sign: str = "") -> str:
    parts = [100 * value for value in (float(np.nanmean(values)), *interval(values))]
    mean, low, high = (format(part, f"{sign}.1f") for part in parts)
    return f"{mean} [{low}, {high}]"
