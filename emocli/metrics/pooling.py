"""Votes of people and of annotators in one distribution, and how much an annotator's counts.

P = (N_H P_H + w N_S P_S) / (N_H + w N_S), with N votes and shares P of people (H) and annotators
(S). w = 1 concatenates the votes, as Zhang et al., "Scaling Ambiguity", ICASSP 2026,
https://arxiv.org/abs/2601.14620, do; w = 0 leaves people's votes alone.

A weight other than 1 is our design. Under P, annotators are a Dirichlet prior of w N_S votes, and w
is chosen as a prior's strength is: by how well each person's vote is foretold by the others and the
annotators (leave one rater out; log loss; Stone, "Cross-Validatory Choice and Assessment of
Statistical Predictions", JRSS B 36(2), 1974, https://doi.org/10.1111/j.2517-6161.1974.tb00994.x).
All votes for a class are alike, so a record's loss is a closed form of its counts:
-sum_c n_c log((n_c - 1 + w s_c + e) / (N_H - 1 + w N_S + e C)). e is a vote of `SPREAD` over all
classes alike: without it one vote that neither another person nor an annotator has foretold would
cost infinitely much at any w, and tell nothing of it. It is in the choice of w only, never in P.
Counts are (records, classes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPREAD = 1.0  # votes over all classes together: our choice
WEIGHTS = np.concatenate([[0.0], np.geomspace(1 / 64, 16, 81)])  # eight to a doubling: our choice

Floats = NDArray[np.float64]


def pooled(human: Floats, synthetic: Floats, weight: float) -> Floats:
    """Return the distributions (records, classes); NaN where nobody has voted."""
    votes = np.asarray(human, np.float64) + weight * np.asarray(synthetic, np.float64)
    total = votes.sum(1, keepdims=True)
    return np.divide(votes, total, out=np.full_like(votes, np.nan), where=total > 0)


def held_out_loss(human: Floats, synthetic: Floats, weight: float) -> float:
    """Return the mean log loss of a person's vote given all others of its record, nats.

    Over the records with two people's votes or more; NaN where there is none.
    """
    human, synthetic = np.asarray(human, np.float64), np.asarray(synthetic, np.float64)
    usable = human.sum(1) >= 2
    n, s = human[usable], synthetic[usable]
    even = SPREAD / human.shape[1]
    likely = np.maximum(n - 1, 0) + weight * s + even
    total = n.sum(1) - 1 + weight * s.sum(1) + SPREAD
    votes = n.sum()
    losses = n * (np.log(total)[:, None] - np.log(likely))
    return float(losses.sum() / votes) if votes else float("nan")


def best_weight(human: Floats, synthetic: Floats) -> float:
    """Return the weight of `WEIGHTS` with the least `held_out_loss`, the least of equals.

    NaN where no record has two people's votes and an annotator's: there is nothing to choose by.
    """
    usable = (np.asarray(human).sum(1) >= 2) & (np.asarray(synthetic).sum(1) > 0)
    if not usable.any():
        return float("nan")
    losses = [held_out_loss(human[usable], synthetic[usable], w) for w in WEIGHTS]
    return float(WEIGHTS[int(np.argmin(losses))])
