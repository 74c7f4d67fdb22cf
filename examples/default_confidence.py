"""How sure the speech half of the default predictor may be, at home and in corpora it never heard.

One temperature cannot serve both: what suits a new speaker of a known corpus is far too low for an
unknown corpus. So the temperature grows with the distance to the corpora of training (see
`emocli.models._familiar`). It is fitted on predictions for clips whose speaker was left out (near)
and whose whole corpus was (far), every corpus of either alike. Figures are nested: those of a fold
use a fit without its speakers, those of a corpus left out one without this corpus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from emocli.bundles.scaling import log_softmax
from emocli.metrics import calibration, selective
from emocli.models._familiar import AXES

NAMES = ("temperature", "far", "threshold", "width")
SPREAD = 1.0  # of the penalty on log temperatures, in records: it only breaks ties
COVERAGES = (1.0, 0.8, 0.6, 0.4, 0.2)
BINS = 5  # of the reliability table


@dataclass(frozen=True)
class Left:
    """Predictions for clips that were left out: logits (records, classes) and distances."""

    logits: np.ndarray
    distance: np.ndarray
    truth: np.ndarray
    corpus: np.ndarray

    def only(self, rows: np.ndarray) -> Left:
        """Return some of the records."""
        return Left(self.logits[rows], self.distance[rows], self.truth[rows], self.corpus[rows])


def whereabouts(x: Tensor, corpus: np.ndarray) -> dict[str, Tensor]:
    """Return axes and centres (see `Familiar`) of standardised vectors (records, dim).

    The axes are the directions in which vectors differ most within the corpora, scaled so that
    these differences have a variance of one along each; the centres are the corpora's means.
    With 64 axes a corpus left out is hardly further away than a speaker left out; with 256 it is
    further than 98 of 100.
    """
    names = np.unique(corpus)
    means = torch.stack([x[corpus == name].mean(0) for name in names])
    within = torch.cat([x[corpus == name] - mean for name, mean in zip(names, means, strict=True)])
    _, vectors = torch.linalg.eigh(within @ within.T)
    axes = vectors[:, -AXES:].T @ within
    axes = (axes / (within @ axes.T).std(0)[:, None]).half().float()
    return {"axes": axes, "centres": means @ axes.T}


def distance(x: Tensor, known: dict[str, Tensor]) -> np.ndarray:
    """Return the distance of standardised vectors (records, dim) to the nearest corpus."""
    apart = ((x @ known["axes"].T)[:, None] - known["centres"]).square().mean(2)
    return apart.amin(1).sqrt().double().numpy()


def fitted(near: Left, far: Left) -> dict[str, float]:
    """Return NAMES that minimise the mean log loss, each corpus of near and far alike."""
    groups = [g.only(g.corpus == name) for g in (near, far) for name in np.unique(g.corpus)]
    start = [0.0, 0.7, float(np.quantile(near.distance, 0.95)), np.log(0.1)]

    def loss(point: np.ndarray) -> float:
        values = _values(point)
        losses = [-_logs(g, values)[np.arange(len(g.truth)), g.truth].mean() for g in groups]
        return float(np.mean(losses) + 1e-4 * np.square(point / SPREAD).sum())

    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-3})
    return _values(found.x)


def _values(point: np.ndarray) -> dict[str, float]:
    warmth, further, threshold, width = map(float, point)
    values = (np.exp(warmth), np.exp(max(0.0, further)), threshold, np.exp(np.clip(width, -3, 1)))
    return dict(zip(NAMES, map(float, values), strict=True))


def _logs(given: Left, values: dict[str, float]) -> np.ndarray:
    temperature = values["temperature"] * factor(given.distance, values)
    return log_softmax(given.logits / temperature[:, None])


def factor(distance: np.ndarray, values: dict[str, float]) -> np.ndarray:
    """Return by how much the temperature is higher at some distances; see `Familiar`."""
    beyond = np.logaddexp(0, (distance - values["threshold"]) / values["width"]) * values["width"]
    return values["far"] ** beyond


def probabilities(given: Left, values: dict[str, float]) -> np.ndarray:
    """Return the probabilities (records, classes) at these temperatures."""
    return np.exp(_logs(given, values))


def nested(near: Left, far: Left, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of near and far, each by a fit that never saw its fold or corpus."""
    by_fold, by_corpus = np.zeros_like(near.logits), np.zeros_like(far.logits)
    for number in np.unique(fold):
        rows = fold == number
        values = fitted(near.only(~rows), far.only(~rows))
        by_fold[rows] = probabilities(near.only(rows), values)
    for name in np.unique(far.corpus):
        rows = far.corpus == name
        values = fitted(near.only(~rows), far.only(~rows))
        by_corpus[rows] = probabilities(far.only(rows), values)
    return by_fold, by_corpus


def reliability(truth: np.ndarray, given: np.ndarray) -> list[list[float]]:
    """Return a row per bin of confidence that has records: records, confidence, accuracy."""
    confidence, correct = given.max(1), given.argmax(1) == truth
    edges = np.arange(1, BINS) / BINS
    counts, means, shares = calibration.reliability(confidence, correct, edges)
    rows = zip(counts.tolist(), means.tolist(), shares.tolist(), strict=True)
    return [list(row) for row in rows if row[0]]


def risk(truth: np.ndarray, given: np.ndarray) -> dict:
    """Return the area under risk by coverage, and rows of least confidence, coverage, risk."""
    confidence, correct = given.max(1), given.argmax(1) == truth
    rows = selective.risk_coverage(confidence, correct, COVERAGES)
    return {"aurc": selective.aurc(confidence, correct), "rows": [list(row) for row in rows]}
