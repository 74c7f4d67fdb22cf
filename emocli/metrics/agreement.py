"""Agreement of raters: how often the raters of a record give the same label.

Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76(5), 1971,
https://doi.org/10.1037/h0031619, for as many raters as each record has, as in the code of Zhang et
al., "Scaling Ambiguity", ICASSP 2026, https://arxiv.org/abs/2601.14620. With P_i the share of the
pairs of raters of a record that agree and p_j the share of all votes that class j got:
kappa = (mean P_i - sum p_j^2) / (1 - sum p_j^2).

As in that code a record with one vote, or none, counts as agreed (P_i = 1), which raises kappa;
leave such records out to avoid that. Where every vote is for one class, kappa is 1. Other than in
that code kappa is undefined where no record has two votes: nobody agrees with himself. Votes are
counts, (records, classes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.metrics.distribution import counted, negative_entropies

__all__ = ["fleiss_kappa"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def shares(votes: Floats, name: str = "votes") -> Floats:
    """Return votes (records, classes) as distributions.

    Raises ValueError naming the first row that is not finite, negative or without a vote.
    """
    votes, total = counted(votes, name)
    return votes / total[:, None]


def entropies(votes: Floats) -> Floats:
    """Return the Shannon entropy of each record's votes or shares, bits, in [0, log2 classes].

    Raises ValueError naming the first row that is not finite, negative or zero.
    """
    return np.maximum(-negative_entropies(shares(votes)) / np.log(2.0), 0.0)


def relative_entropies(votes: Floats) -> Floats:
    """Return each record's entropy over that of uniform votes for its labels, in [0, 1].

    The measure of ambiguity that Zhang et al. 2026 cut into thirds: H / log(labels with a vote).
    One label alone gives 0. Their scale differs from record to record: 5:5 and 3:3:3 both give 1.
    """
    labels = (np.asarray(votes) > 0).sum(1)
    return np.minimum(entropies(votes) / np.log2(np.maximum(labels, 2)), 1.0)


def pair_agreements(votes: Floats) -> Floats:
    """Return P_i, each record's share of rater pairs that agree, in [0, 1]; 1 without a pair."""
    votes = _votes(votes)
    raters = votes.sum(1)
    pairs = raters * (raters - 1)
    agreed = (votes * (votes - 1)).sum(1)
    return np.divide(agreed, pairs, out=np.ones_like(pairs), where=raters > 1)


def fleiss_kappa(votes: Floats) -> float:
    """Return Fleiss' kappa of votes, in [-1, 1]: 0 is chance, 1 full agreement; NaN without a pair.

    Raises ValueError naming the first record with a count that is negative or not whole.
    """
    votes = _votes(votes)
    return float(kappa_of(kappa_sums(votes, np.zeros(len(votes), np.int64), 1)[0]))


def kappa_sums(votes: Floats, clusters: Indices, count: int) -> Floats:
    """Return the sums per cluster for `kappa_of`, (count, 3 + classes).

    n, P_i, the records with two votes, votes per class.
    """
    votes = _votes(votes)
    columns = [np.ones(len(votes)), pair_agreements(votes), votes.sum(1) > 1, *votes.T]
    return np.stack([np.bincount(clusters, column, count) for column in columns], 1)


def kappa_of(total: Floats) -> Floats:
    """Return Fleiss' kappa of sums (..., 3 + classes); NaN where no record has two votes."""
    n, paired, votes = total[..., 0], total[..., 2], total[..., 3:]
    all_votes = votes.sum(-1)
    observed = total[..., 1] / np.maximum(n, 1)
    expected = ((votes / np.maximum(all_votes, 1)[..., None]) ** 2).sum(-1)
    certain = 1 - expected < 1e-10  # one class
    kappa = (observed - expected) / np.where(certain, 1.0, 1 - expected)
    return np.where(paired > 0, np.where(certain, 1.0, np.clip(kappa, -1, 1)), np.nan)[()]


def _votes(votes: Floats) -> Floats:
    votes = np.asarray(votes, np.float64)
    if votes.ndim != 2:
        raise ValueError(f"votes have the shape {votes.shape}, not (records, classes)")
    bad = ~(votes >= 0).all(1) | ~(votes == np.floor(votes)).all(1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"votes {row} are not counts: {votes[row].tolist()}")
    return votes
