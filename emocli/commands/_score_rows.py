"""From the columns that `score` kept to its metrics records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.commands._score_columns import Columns
from emocli.metrics import calibration, classification, report

Record = dict[str, Any]


def rows(columns: Columns, flags: dict[str, Any]) -> Iterator[Record]:
    """Yield a metrics record per group, in the order in which the groups came."""
    labels, indices = columns.resolve()
    truth = indices[np.asarray(columns.truth)] if columns.truth else np.empty(0, np.int64)
    predicted = indices[np.asarray(columns.predicted)] if columns.truth else truth
    probabilities = columns.matrix(indices, len(labels))
    absent = 0.0 if flags["labels"] == "all" else np.nan
    groups, clusters = np.asarray(columns.group), np.asarray(columns.clustered)
    kinds = np.asarray(columns.kind)
    for value, group in columns.groups.items():
        inside = groups == group
        at = np.flatnonzero(inside & (truth >= 0))
        skipped = {r: n for (g, r), n in columns.skipped.items() if g == group}
        if unknown := int(inside.sum()) - len(at):
            skipped["unknown_label"] = unknown
        scored = report.Scored(truth[at], predicted[at], probabilities[at], absent)
        if flags["restrict"] == "present":
            scored = _restricted(scored)
        yield {
            **({"by": {columns.by: value}} if columns.by else {}),
            **({"stream": columns.stream} if columns.stream else {}),
            **({"restrict": flags["restrict"]} if flags["restrict"] else {}),
            "labels": flags["labels"],
            "records": columns.records[group],
            "scored": len(at),
            "skipped": skipped,
            "with_probabilities": int(scored.known.sum()),
            **_figures(scored, labels, all_labels=flags["labels"] == "all"),
            "reliability": _reliability(scored),
            **_intervals(scored, clusters[at], flags),
            "resampled": "+".join(columns.kinds[kind] for kind in np.unique(kinds[at])),
            "clusters": len(np.unique(clusters[at])),
            "bootstrap": flags["bootstrap"],
            "seed": flags["seed"],
        }


def _restricted(scored: report.Scored) -> report.Scored:
    """Choose among the labels of the truth only; without probabilities a choice stays."""
    there = np.isin(np.arange(scored.classes), scored.truth)
    kept = np.where(there, scored.probabilities, 0.0)
    total = kept.sum(1, keepdims=True)
    usable = scored.known & (total[:, 0] > 0)
    probabilities = np.divide(kept, total, out=scored.probabilities.copy(), where=usable[:, None])
    predicted = np.where(usable, np.nan_to_num(kept).argmax(1), scored.predicted)
    return report.Scored(scored.truth, predicted, probabilities, scored.absent)


def _figures(scored: report.Scored, labels: list[str], *, all_labels: bool) -> Record:
    confusion = classification.confusion_matrix(scored.truth, scored.predicted, scored.classes)
    there = confusion.sum(0) + confusion.sum(1) > 0
    shown = [i for i in range(len(labels)) if all_labels or there[i]]
    columns = {
        "precision": classification.precision(confusion),
        "recall": classification.recall(confusion),
        "f1": classification.f1(confusion),
    }
    support = classification.support(confusion)
    per_class = {
        labels[i]: {k: _number(v[i]) for k, v in columns.items()} | {"support": int(support[i])}
        for i in shown
    }
    matrix = confusion[np.ix_(shown, shown)].astype(int).tolist()
    return {
        **{name: _number(value) for name, value in report.points(scored).items()},
        "per_class": per_class,
        "confusion": {"labels": [labels[i] for i in shown], "matrix": matrix},
    }


def _reliability(scored: report.Scored) -> list[Record]:
    """Return the bins of the ECE, those without records too; nothing without probabilities."""
    at = np.flatnonzero(scored.known)
    if not len(at):
        return []
    confidence = np.minimum(scored.probabilities[at, scored.predicted[at]], 1.0)
    counts, means, shares = calibration.reliability(
        confidence, scored.truth[at] == scored.predicted[at]
    )
    return [
        {
            "low": i / calibration.BINS,
            "high": (i + 1) / calibration.BINS,
            "records": int(counts[i]),
            "confidence": _number(means[i]),
            "accuracy": _number(shares[i]),
        }
        for i in range(calibration.BINS)
    ]


def _intervals(scored: report.Scored, clusters: NDArray[np.int64], flags: Record) -> Record:
    pairs = report.intervals(scored, clusters, resamples=flags["bootstrap"], seed=flags["seed"])
    return {"intervals": {name: [_number(x) for x in pair] for name, pair in pairs.items()}}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
