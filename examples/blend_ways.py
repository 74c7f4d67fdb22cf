"""Ways to choose how blends are read from probabilities, and what is said of them.

All of them get the same networks: one per fold, that never saw the fold nor the actors of its
inner part, with its probabilities after every epoch. They differ in the records on which the epoch
and the decoder are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from blend_clips import NEUTRAL

from emocli.metrics import blend, bootstrap
from emocli.metrics.blend_decoder import decoded, fit_decoder

RESAMPLES = 2000
FIGURES = ("presence", "salience", "blend_score")


@dataclass(frozen=True)
class Way:
    """Where epoch and decoder are chosen, `own` is the scored fold itself; by which rule."""

    own: bool
    rule: str


WAYS = {
    "published: chosen on the scored fold": Way(True, "published"),
    "nested: chosen on other actors": Way(False, "published"),
    "expected score: fitted on other actors": Way(False, "expected"),
}


@dataclass(frozen=True)
class Choice:
    """An epoch, its decoder, and the challenge score of both where they were chosen."""

    epoch: int
    decoder: dict[str, Any]
    score: float


def choose(truth: np.ndarray, runs: np.ndarray, rule: str) -> Choice:
    """Choose epoch and decoder on saliences (records, 6), probabilities (epochs, records, 6).

    The published rule takes the epoch with the best score, the other the one with the least loss.
    """
    if rule == "published":
        best = [blend.threshold_scores(truth, run, NEUTRAL).max() for run in runs]
    else:
        best = [(truth * np.log(np.maximum(run, 1e-12))).sum(1).mean() for run in runs]
    epoch = int(np.argmax(best))
    decoder = fit_decoder(truth, runs[epoch], NEUTRAL, rule)
    return Choice(epoch, decoder, score(truth, decoded(runs[epoch], decoder, NEUTRAL)))


def score(truth: np.ndarray, answer: np.ndarray) -> float:
    """Return the challenge score."""
    return (blend.presence(truth, answer) + blend.salience(truth, answer)) / 2


def cross_validated(
    way: Way, truth: np.ndarray, fold: np.ndarray, runs: Sequence[np.ndarray], inner: Sequence
) -> tuple[np.ndarray, list[Choice]]:
    """Return the answers to all records, and each fold's choice.

    `runs` are each fold's probabilities of all records, `inner` which records are its inner part.
    """
    answer, choices = np.zeros_like(truth), []
    for number, (run, part) in enumerate(zip(runs, inner, strict=True)):
        held = fold == number
        on = held if way.own else part
        choices.append(choose(truth[on], run[:, on], way.rule))
        chosen = choices[-1]
        answer[held] = decoded(run[chosen.epoch][held], chosen.decoder, NEUTRAL)
    return answer, choices


def measured(
    truth: np.ndarray, answer: np.ndarray, actors: np.ndarray, other: np.ndarray | None = None
) -> dict[str, list[float]]:
    """Return each figure as [value, low, high]; of the difference to the `other` answers, if any.

    Intervals are 95 % percentiles of a bootstrap over actors; a difference is paired.
    """
    clusters, count = bootstrap.clusters(np.unique(actors, return_inverse=True)[1], seed=0)
    sums = [blend.sums(truth, a, clusters, count) for a in (answer, other) if a is not None]
    both = np.concatenate(sums, axis=1)
    drawn = np.concatenate(list(bootstrap.resampled(both, RESAMPLES, seed=0)))
    found = {}
    for name in FIGURES:
        values = [
            np.subtract(*parts) if len(parts) == 2 else parts[0]
            for table in (both.sum(0)[None], drawn)
            for parts in [[blend.figures(part)[name] for part in np.split(table, len(sums), 1)]]
        ]
        found[name] = [float(values[0][0]), *bootstrap.interval(values[1])]
    return found
