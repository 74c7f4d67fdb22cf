"""The tasks of `score`: for each its columns, its figures, and those to show first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from emocli.errors import UsageError
from emocli.metrics import report
from emocli.records import Record
from emocli.scoring import (
    blends,
    classes,
    explanations,
    figures,
    mmeverse,
    numbers,
    pairs,
    sets,
)
from emocli.scoring.options import AUTO, EXPLANATION, ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Fault, Floats, Indices

MMEVERSE = "mmeverse"
SENTIMENT = {"mosi": "mosi", "mosei": "mosi", "cmu-mosi": "mosi", "cmu-mosei": "mosi"} | {
    "sims": "sims", "simsv2": "sims", "ch-sims": "sims", "ch-simsv2": "sims"
}  # fmt: skip


class Part(Protocol):
    """Some records: the sums over them, the figures of these sums, and details."""

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster, (count, statistics)."""

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""

    def details(self) -> Record:
        """Return further fields of the metrics record."""


class Frame(Protocol):
    """All records of a task as arrays, one row for each that was taken."""

    faults: list[Fault]  # invalid rows
    truths: Any  # (records, ...): equal for two files with the same labels

    @property
    def unpredicted(self) -> list[str]:
        """The true labels that no prediction can give."""

    def part(self, rows: Indices | slice) -> Part:
        """Return some of the records, ready for their figures."""

    def control(self, others: Others) -> Frame | None:
        """Return the frame with what other speakers say as predictions; None if it has none."""


class Columns(Protocol):
    """Columns that grow by a record at a time."""

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep what is needed, or return why there is nothing to score; RecordError if invalid."""

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the arrays of all records taken."""


@dataclass(frozen=True)
class Task:
    """A task."""

    name: str
    columns: Callable[[], Columns]
    names: tuple[str, ...]  # of every figure
    shown: tuple[str, ...]  # those shown if there is room for only a few
    cluster: tuple[str, ...] = ("speaker", "dialogue")


TASKS = {
    task.name: task
    for task in (
        Task(
            "classification",
            classes.Classes,
            report.NAMES,
            ("accuracy", "uar", "weighted_f1", "macro_f1", "log_loss", "ece"),
        ),
        Task(
            "distribution",
            classes.Distributions,
            (*figures.SHARES, *report.NAMES),
            ("bhattacharyya", "jsd_bits", "r2_per_record", "r2_per_emotion", "kl", "uar"),
        ),
        Task("blend", blends.Blends, blends.NAMES, blends.NAMES),
        Task(
            "regression",
            numbers.Numbers,
            numbers.NAMES,
            ("ccc", *(f"{dimension}.ccc" for dimension in numbers.DIMENSIONS)),
        ),
        Task("multilabel", sets.Sets, sets.NAMES, sets.NAMES),
        Task(
            "mosi",
            partial(numbers.Numbers, ("sentiment",), "mosi"),
            numbers.MOSI,
            ("mae", "corr", "acc7", "acc2_has0", "acc2_non0"),
        ),
        Task(
            "sims",
            partial(numbers.Numbers, ("sentiment",), "sims"),
            numbers.SIMS,
            ("mae", "corr", "acc5", "acc3", "acc2", "f1"),
        ),
        Task(
            "ecf",
            pairs.Pairs,
            pairs.NAMES,
            tuple(f"{kind}.weighted_f1" for kind in pairs.SETS),
            ("dialogue",),
        ),
        Task(MMEVERSE, mmeverse.Answers, mmeverse.NAMES, mmeverse.MEANS),
        Task(EXPLANATION, explanations.Explanations, explanations.NAMES, explanations.SHOWN),
    )
}


def named(name: str) -> Task | None:
    """Return a task by its name, None for auto; UsageError for an unknown name."""
    if name != AUTO and name not in TASKS:
        hint = f"one of {', '.join((AUTO, *TASKS))}"
        raise UsageError(f"--task: unknown task {name}", hint=hint)
    return TASKS.get(name)


def detected(records: Iterable[Record], stream: str | None) -> Task:
    """Return the task that fits the labels and predictions of the first records."""
    labelled: set[str] = set()
    predicted: set[str] = set()
    datasets: set[str] = set()
    for record in records:
        prediction = record.get("prediction")
        if stream:
            unimodal = record.get("unimodal")
            prediction = unimodal.get(stream) if type(unimodal) is dict else None
        for value, names in ((record.get("label"), labelled), (prediction, predicted)):
            names.update(k for k, v in value.items() if v) if type(value) is dict else None
        datasets.add(str(record.get("dataset")).lower())
    return TASKS[_detected(labelled, predicted, datasets)]


def _detected(labelled: set[str], predicted: set[str], datasets: set[str]) -> str:
    both = labelled & predicted
    if datasets == {MMEVERSE}:
        return MMEVERSE
    if "causes" in predicted:
        return "ecf"
    if "explanation" in predicted and not both:
        return EXPLANATION
    for name, task in (("blend", "blend"), ("multi", "multilabel")):
        if name in both:
            return task
    if labelled & {"distribution", "votes"} and "probabilities" in predicted:
        return "distribution"
    if "emotion" in both:
        return "classification"
    if "sentiment" in both and len(sets := {SENTIMENT.get(name) for name in datasets}) == 1:
        return sets.pop() or "regression"
    if both & {"valence", "arousal", "dominance", "sentiment"}:
        return "regression"
    several = "multi" in labelled and "probabilities" in predicted
    return "multilabel" if several else "classification"
