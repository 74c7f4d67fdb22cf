"""`score` for MMEVerse: each set by the metric of its authors, and the means over two benchmarks.

MER-UniBench is the mean over nine sets, MMEVerse-Bench that over eighteen (Emotion-LLaMAv2, 2026,
https://arxiv.org/abs/2601.16449). Our choices, where the paper's tables were not seen: of a set
with several figures the mean takes weighted F1, micro F1, or F1 of open vocabulary; where sets are
missing, it is the mean of those that are there, and `averaged` says which.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from emocli.datasets import mmeverse
from emocli.metrics import multilabel
from emocli.metrics.determination import summed
from emocli.records import Record
from emocli.scoring import mmeverse_answers as reading
from emocli.scoring.mmeverse_metrics import METRICS
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Fault, Floats, Indices

UNIBENCH, BENCH = "mer_unibench", "mmeverse_bench"
MEANS = (UNIBENCH, BENCH)
NAMES = (
    *MEANS,
    *(f"{s['name']}.{figure}" for s in mmeverse.sets() for figure in METRICS[s["metric"]].names),
)


def averaged(mean: str) -> list[str]:
    """Return the names of the sets that a mean is over."""
    return [s["name"] for s in mmeverse.sets() if mean == BENCH or s.get("unibench")]


class Answers:
    """Columns of labels and answers for each set."""

    def __init__(self) -> None:
        self.count = 0  # of records that belong to a set
        self.rows: dict[int, array[int]] = {}  # of a set: the number of each record
        self.pairs: dict[int, list[reading.Pair]] = {}

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's labels and answers, or return the reason not to."""
        if record.get("error"):
            return "error"
        found, reason = reading.pairs(record, label, prediction)
        for pair in found:
            self.rows.setdefault(pair.asked, array("q")).append(self.count)
            self.pairs.setdefault(pair.asked, []).append(pair)
        self.count += bool(found)
        return reason

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the arrays of all records taken."""
        return Frame(self)


class Set:
    """The records of a set: their numbers, their statistics, which answers it does not list."""

    def __init__(self, number: int, rows: array[int], pairs: list[reading.Pair]) -> None:
        self.about = mmeverse.sets()[number]
        self.name = str(self.about["name"])
        self.metric = METRICS[self.about["metric"]]
        self.rows = np.asarray(rows, np.int64)
        self.statistics = self.metric.statistics(
            [p.truth for p in pairs], [p.answer for p in pairs]
        )
        self.strange = np.asarray([reading.off_list(p) for p in pairs], np.bool_)


class Frame:
    """All records, set by set."""

    truths = None
    faults: list[Fault] = []  # noqa: RUF012  # invalid records are refused as they are read
    unpredicted: list[str] = []  # noqa: RUF012  # an answer may be any text

    def __init__(self, answers: Answers) -> None:
        self.count = answers.count
        self.sets = [Set(i, answers.rows[i], answers.pairs[i]) for i in sorted(answers.rows)]

    def part(self, rows: Indices | slice) -> Part:
        """Return some of the records, ready for their figures."""
        place = np.full(self.count, -1)
        chosen = np.arange(self.count)[rows]
        place[chosen] = np.arange(len(chosen))
        return Part(self.sets, place)

    def control(self, _: Others) -> None:
        """Return None: the corpora have no stimulus that several speakers saw."""


class Part:
    """The figures of some records; `place` has the number of each in the part, -1 outside."""

    def __init__(self, sets: list[Set], place: Indices) -> None:
        self.sets, self.place = sets, place

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        parts = [np.zeros((count, 0))]
        for asked in self.sets:
            place = self.place[asked.rows]
            inside = place >= 0
            parts.append(summed(asked.statistics[inside], clusters[place[inside]], count))
        return np.concatenate(parts, 1)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        found: dict[str, Floats] = {}
        first: dict[str, Floats] = {}  # the figure of each set that means take
        at = 0
        for asked in self.sets:
            width = asked.statistics.shape[1]
            figures = asked.metric.figures(total[..., at : at + width])
            at += width
            found |= {f"{asked.name}.{name}": figures[name] for name in asked.metric.names}
            first[asked.name] = figures[asked.metric.names[0]]
        means = {mean: _mean([first[n] for n in averaged(mean) if n in first]) for mean in MEANS}
        shape = total.shape[:-1]
        return {k: np.full(shape, np.nan)[()] if v is None else v for k, v in means.items()} | found

    def details(self) -> Record:
        """Return what each set has, and which sets the means are over."""
        sets: Record = {}
        for asked in self.sets:
            inside = self.place[asked.rows] >= 0
            if inside.any():
                about = {"metric": asked.about["metric"], "records": int(inside.sum())}
                sets[asked.name] = about | {"off_list": int(asked.strange[inside].sum())}
        total = self.sums(np.zeros(len(self.place), np.int64), 1)[0]
        defined = {k.partition(".")[0] for k, v in self.figures(total).items() if v == v}
        known = [name for name in sets if name in defined]
        over = {m: {"sets": [n for n in averaged(m) if n in known]} for m in MEANS}
        return {
            "sets": sets,
            "averaged": {m: about | {"of": len(averaged(m))} for m, about in over.items()},
        }


def _mean(values: list[Floats]) -> Floats | None:
    return multilabel.mean_of(np.stack(values, -1)) if values else None
