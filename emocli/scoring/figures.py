"""The figures of `score` for labels and for distributions, with their tables."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from emocli.metrics import (
    calibration,
    classification,
    determination,
    distribution,
    report,
    selective,
)
from emocli.records import Record
from emocli.scoring.options import ScoreOptions
from emocli.scoring.words import Floats, Indices

SHARES = (
    "bhattacharyya", "jsd_bits", "jsd_nats", "js_distance", "r2_per_record", "r2_per_emotion",
    "kl", "cosine", "soft_accuracy",
)  # fmt: skip


def number(value: float) -> float | None:
    """Return a figure for a record: None if undefined."""
    return None if np.isnan(value) else float(value)


def restricted(scored: report.Scored) -> report.Scored:
    """Restrict predictions to the labels of the truth; keep those without probabilities."""
    present = np.isin(np.arange(scored.classes), scored.truth)
    kept = np.where(present, scored.probabilities, 0.0)
    total = kept.sum(1, keepdims=True)
    usable = scored.known & (total[:, 0] > 0)
    probabilities = np.divide(kept, total, out=scored.probabilities.copy(), where=usable[:, None])
    predicted = np.where(usable, np.nan_to_num(kept).argmax(1), scored.predicted)
    return report.Scored(scored.truth, predicted, probabilities, scored.absent)


class Part:
    """The figures of some records: sums per cluster, figures of sums, and tables."""

    def __init__(
        self,
        scored: report.Scored,
        pair: tuple[Floats, Floats] | None,
        labels: list[str],
        options: ScoreOptions,
    ) -> None:
        self.scored, self.pair, self.labels, self.options = scored, pair, labels, options

    @cached_property
    def _each(self) -> dict[str, Floats]:
        return distribution.each(*self.pair) if self.pair else {}

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        labels = report.sums(self.scored, clusters, count)
        if not self.pair:
            return labels
        each = np.stack([np.bincount(clusters, v, count) for v in self._each.values()], 1)
        return np.concatenate(
            [determination.r2_sums(*self.pair, clusters, count), each, labels], axis=1
        )

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index."""
        if not self.pair:
            return report.figures(total, self.scored.classes, self.scored.absent)
        first = 1 + 3 * self.scored.classes
        moments, each, labels = np.split(total, [first, first + len(self._each)], -1)
        count = np.where(moments[..., 0] > 0, moments[..., 0], np.nan)
        means = {name: each[..., i] / count for i, name in enumerate(self._each)}
        means["r2_per_emotion"] = determination.r2_of(moments)
        return {name: means[name] for name in SHARES} | report.figures(
            labels, self.scored.classes, self.scored.absent
        )

    def details(self) -> Record:
        """Return the details of the figures: counts, classes, confusion, reliability, risk."""
        about: Record = {"labels": self.options.labels}
        if self.options.restrict:
            about["restrict"] = self.options.restrict
        if self.pair:
            truth = self.pair[0]
            ties = (truth == truth.max(1, keepdims=True)).sum(1) > 1
            about["tied"] = int(ties.sum())
        about["with_probabilities"] = len(self.scored.sure[0])
        return about | self._classes() | {"reliability": self._reliability()} | self._risk()

    def _classes(self) -> Record:
        scored = self.scored
        confusion = classification.confusion_matrix(scored.truth, scored.predicted, scored.classes)
        used = confusion.sum(0) + confusion.sum(1) > 0
        shown = [i for i, is_used in enumerate(used) if is_used or self.options.all_labels]
        columns = {
            "precision": classification.precision(confusion),
            "recall": classification.recall(confusion),
            "f1": classification.f1(confusion),
        }
        support = classification.support(confusion)
        matrix = confusion[np.ix_(shown, shown)].astype(int).tolist()
        return {
            "per_class": {
                self.labels[i]: {k: number(v[i]) for k, v in columns.items()}
                | {"support": int(support[i])}
                for i in shown
            },
            "confusion": {"labels": [self.labels[i] for i in shown], "matrix": matrix},
        }

    def _reliability(self) -> list[Record]:
        """Return the bins of the ECE, empty ones too; no bins without probabilities."""
        _, confidence, correct = self.scored.sure
        if not len(confidence):
            return []
        counts, means, shares = calibration.reliability(confidence, correct)
        return [
            {
                "low": i / calibration.BINS,
                "high": (i + 1) / calibration.BINS,
                "records": int(counts[i]),
                "confidence": number(means[i]),
                "accuracy": number(shares[i]),
            }
            for i in range(calibration.BINS)
        ]

    def _risk(self) -> Record:
        """Return what abstaining gives: risk by coverage, and the area under it."""
        _, confidence, correct = self.scored.sure
        table = selective.risk_coverage(confidence, correct)
        keys = ("confidence", "coverage", "risk")
        return {
            "aurc": number(selective.aurc(confidence, correct)),
            "risk_coverage": [dict(zip(keys, row, strict=True)) for row in table],
        }
