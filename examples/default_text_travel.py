"""How the text half of the default predictor does on kinds of text that it never saw.

Leave one corpus out: train on the others, and ask about the one left out among the labels that it
has. What is chosen, is chosen here, and on nothing that it is reported on: the strength of the
adapter, the prior and the temperature on the first examples of left-out corpora's train parts, the
temperature that is reported for a corpus on the three others'; reported are the test parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import default_text_corpora as corpora
import numpy as np
import torch

from emocli.bundles import scaling
from emocli.metrics import classification, report
from emocli.records.labels import EMOTIONS

FIGURES = ("macro_f1", "accuracy", "uar", "log_loss", "ece")
RESAMPLES = 1000
GRID = np.exp(np.linspace(np.log(0.5), np.log(5.0), 93))  # of temperatures

Floats = Any  # arrays of float64


class Answered(NamedTuple):
    """Evidence (examples, classes), first labels, and what examples of a kind share."""

    corpus: str
    evidence: Floats
    truth: Any
    clusters: Any

    def among(self, kelvin: float, offsets: Floats | float = 0.0) -> Floats:
        """Return logits for the labels of the corpus, and next to nothing for others."""
        return np.where(corpora.known(self.corpus), self.evidence / kelvin + offsets, -1e6)


def answered(corpus: str, records: Sequence[corpora.Record], evidence: Any) -> Answered:
    """Return the answers to some records of a corpus."""
    names = [corpora.cluster(record) for record in records]
    clusters = np.unique(names, return_inverse=True)[1]
    truth = corpora.truth(list(records))
    return Answered(corpus, np.asarray(evidence, np.float64), truth, clusters)


def temperature(some: Iterable[Answered], offsets: Floats | float = 0.0) -> float:
    """Return the temperature of least log loss, each corpus counting alike, among its labels."""
    parts = list(some)

    def loss(kelvin: float) -> float:
        losses = []
        for part in parts:
            logs = scaling.log_softmax(part.among(kelvin, offsets))
            losses.append(-logs[np.arange(len(logs)), part.truth].mean())
        return float(np.mean(losses))

    return float(GRID[int(np.argmin([loss(kelvin) for kelvin in GRID]))])


def figures(some: Answered, kelvin: float, offsets: Floats | float = 0.0) -> dict[str, Any]:
    """Return [value, low, high] of each figure over the labels that the corpus has."""
    places = np.flatnonzero(corpora.known(some.corpus))
    given = np.exp(scaling.log_softmax(some.among(kelvin, offsets)[:, places]))
    truth = np.searchsorted(places, some.truth)
    scored = report.Scored(truth, given.argmax(1), given)
    spans = report.intervals(scored, some.clusters, resamples=RESAMPLES, seed=0)
    points = report.points(scored)
    found: dict[str, Any] = {name: [points[name], *spans[name]] for name in FIGURES}
    found["f1_by_label"] = dict(zip([EMOTIONS[p] for p in places], _f1(scored), strict=True))
    found["unrestricted_macro_f1"] = _unrestricted(some, kelvin, offsets)
    return {"records": len(truth), **found}


def _f1(scored: report.Scored) -> list[float]:
    classes = scored.probabilities.shape[1]
    counts = classification.confusion_matrix(scored.truth, scored.predicted, classes)
    return [round(float(value), 4) for value in classification.f1(counts)]


def _unrestricted(some: Answered, kelvin: float, offsets: Floats | float) -> float:
    """Return macro-F1 over the labels of the corpus where all seven answers are allowed."""
    predicted = (some.evidence / kelvin + offsets).argmax(1)
    counts = classification.confusion_matrix(some.truth, predicted, len(EMOTIONS))
    values = classification.f1(counts)[corpora.known(some.corpus)]
    return float(np.nan_to_num(values).mean())


def left_out(
    choice: Mapping[str, Answered], test: Mapping[str, Answered], offsets: Floats | float = 0.0
) -> dict[str, Any]:
    """Return the figures of each left-out corpus, with the temperature of the three others."""
    rows: dict[str, Any] = {}
    for name, part in test.items():
        others = [other for key, other in choice.items() if key != name]
        kelvin = temperature(others, offsets)
        rows[name] = {"temperature": round(kelvin, 4), **figures(part, kelvin, offsets)}
    return rows


def mean(rows: Mapping[str, Any], name: str) -> float:
    """Return the mean of a figure over corpora."""
    return float(np.mean([row[name][0] for row in rows.values()]))


def part_of(shares: Floats, part: float) -> Floats:
    """Return log shares in proportion to the power `part` of others' (classes,)."""
    return scaling.log_softmax(part * np.asarray(shares)[None])[0]


def log_shares(records: list[corpora.Record]) -> torch.Tensor:
    """Return the log share of each class among records (classes,)."""
    return torch.from_numpy(corpora.targets(records)).mean(0).log()
