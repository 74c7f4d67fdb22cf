"""Metrics of distributions: how close predicted shares are to the shares of human votes.

Rows are distributions over the same classes, (records, classes), as `distributions` returns them:
checked, and scaled to add to one. Truth first. A figure is the mean over records, except
`r2_per_emotion`; the functions with a name in the plural give the values per record, which add up,
so that a bootstrap can resample their sums.

Three figures are called "JS" in papers and are not interchangeable; jsd_nats <= 1 - bhattacharyya
<= jsd_bits always, so a table shows which of them it has:
- `jsd_bits`, base 2, in [0, 1]: the tables of Zhang et al., "Scaling Ambiguity", ICASSP 2026,
  https://arxiv.org/abs/2601.14620
- `jsd_nats`, base e, in [0, ln 2]: the training loss of the same paper;
- `js_distance`, the square root of `jsd_nats`: the code of Hong et al., "AER-LLM",
  https://arxiv.org/abs/2409.18339, and scipy's `jensenshannon`.
Two are called R2: `r2_per_record` (the code of AER-LLM) is the squared correlation between the two
rows, `r2_per_emotion` (the code of Scaling Ambiguity) a coefficient of determination per class over
records, as scikit-learn's `r2_score`; it can be negative.

Jensen-Shannon divergence: Lin, "Divergence Measures Based on the Shannon Entropy", IEEE
Transactions on Information Theory 37(1), 1991, https://doi.org/10.1109/18.61115; Bhattacharyya
coefficient: Bhattacharyya, "On a Measure of Divergence between Two Multinomial Populations",
Sankhya 7(4), 1946, https://www.jstor.org/stable/25047882
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.metrics.determination import r2_of, r2_sums

__all__ = [
    "bhattacharyya",
    "cosine",
    "js_distance",
    "jsd_bits",
    "jsd_nats",
    "kl",
    "r2_per_emotion",
    "r2_per_record",
    "soft_accuracy",
]

LEAST = float(np.finfo(np.float64).eps)  # the least predicted probability, as in `calibration`
SUM_TOLERANCE = 0.01  # rows that miss 1 by more are not distributions: our choice, as in `score`
GUARD = 1e-10  # added to the product of two variances: AER-LLM's code
ROWS = 2048  # of a block: 0.13 MB at eight classes, so temporary arrays stay in the cache

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def distributions(rows: Floats, name: str = "distribution") -> Floats:
    """Return rows (records, classes) scaled to add to one.

    Raises ValueError naming the first row that is not finite, negative, zero, or off 1 by more
    than 0.01.
    """
    rows, total = counted(rows, name)
    _refuse(np.abs(total - 1) > SUM_TOLERANCE, name, "does not add to 1", rows)
    return rows / total[:, None]


def coefficients(truth: Floats, predicted: Floats) -> Floats:
    """Return each record's Bhattacharyya coefficient, the sum of sqrt(p q), in [0, 1]."""
    truth, predicted = _pair(truth, predicted)
    return np.minimum(np.einsum("rc,rc->r", np.sqrt(truth), np.sqrt(predicted)), 1.0)


def divergences(truth: Floats, predicted: Floats) -> Floats:
    """Return each record's Jensen-Shannon divergence, nats, in [0, ln 2].

    (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2; a zero probability adds nothing.
    """
    truth, predicted = _pair(truth, predicted)
    result = np.empty(len(truth))
    for at in range(0, len(truth), ROWS):
        p, q = truth[at : at + ROWS], predicted[at : at + ROWS]
        result[at : at + ROWS] = _jsd(p, q, negative_entropies(p), negative_entropies(q))
    return result


def _jsd(p: Floats, q: Floats, p_entropies: Floats, q_entropies: Floats) -> Floats:
    nats: Floats = (p_entropies + q_entropies) / 2 - negative_entropies((p + q) / 2)
    return np.clip(nats, 0.0, np.log(2.0))


def divergences_kl(truth: Floats, predicted: Floats) -> Floats:
    """Return each record's KL(truth || predicted), the sum of p log(p / q), nats, in [0, 36.1].

    A true share of zero adds nothing; a predicted one below 2.2e-16 counts as that, as in the log
    loss (AER-LLM's code adds 1e-8 to every predicted share instead).
    """
    truth, predicted = _pair(truth, predicted)
    return _kl(truth, predicted, negative_entropies(truth))


def _kl(p: Floats, q: Floats, p_entropies: Floats) -> Floats:
    return np.maximum(p_entropies - np.einsum("rc,rc->r", p, np.log(np.maximum(q, LEAST))), 0.0)


def cosines(truth: Floats, predicted: Floats) -> Floats:
    """Return each record's cosine of the angle between the two rows, in [0, 1]."""
    truth, predicted = _pair(truth, predicted)
    lengths = np.sqrt(np.einsum("rc,rc->r", truth, truth))
    lengths *= np.sqrt(np.einsum("rc,rc->r", predicted, predicted))
    return np.minimum(np.einsum("rc,rc->r", truth, predicted) / lengths, 1.0)


def squared_correlations(truth: Floats, predicted: Floats) -> Floats:
    """Return each record's cov(p, q)^2 / (var(p) var(q) + 1e-10), in [0, 1).

    Biased moments over the classes. A uniform row has no variance and gives 0.
    """
    truth, predicted = _pair(truth, predicted)
    classes = truth.shape[1]
    p, q = (rows - np.einsum("rc->r", rows)[:, None] / classes for rows in (truth, predicted))
    pq, pp, qq = (np.einsum("rc,rc->r", a, b) / classes for a, b in ((p, q), (p, p), (q, q)))
    squared: Floats = pq**2 / (pp * qq + GUARD)
    return squared


def soft_hits(truth: Floats, predicted: Floats) -> Floats:
    """Return the share of each record's votes that the predicted label got, in [0, 1].

    The probability that a random rater chose the predicted label; at best the largest true share.
    The mean over tied labels where several have the highest probability.
    """
    truth, predicted = _pair(truth, predicted)
    rows, first = np.arange(len(truth)), predicted.argmax(1) if predicted.size else []
    chosen = predicted == predicted[rows, first][:, None]
    if np.count_nonzero(chosen) == len(rows):  # no ties: the fast path
        return truth[rows, first]
    return np.einsum("rc,rc->r", truth, chosen) / chosen.sum(1)


def each(truth: Floats, predicted: Floats) -> dict[str, Floats]:
    """Return the values per record, (records,), of every figure that is a mean of them.

    What the functions above return, in one pass over blocks of rows that takes each logarithm once.
    """
    truth, predicted = _pair(truth, predicted)
    names = ("bhattacharyya", "jsd_nats", "r2_per_record", "kl", "cosine", "soft_accuracy")
    values = {name: np.empty(len(truth)) for name in names}
    for at in range(0, len(truth), ROWS):
        rows = slice(at, at + ROWS)
        p, q = truth[rows], predicted[rows]
        p_entropies, q_entropies = negative_entropies(p), negative_entropies(q)
        values["jsd_nats"][rows] = _jsd(p, q, p_entropies, q_entropies)
        values["kl"][rows] = _kl(p, q, p_entropies)
        values["bhattacharyya"][rows] = coefficients(p, q)
        values["r2_per_record"][rows] = squared_correlations(p, q)
        values["cosine"][rows] = cosines(p, q)
        values["soft_accuracy"][rows] = soft_hits(p, q)
    nats = values["jsd_nats"]
    return values | {"jsd_bits": nats / np.log(2.0), "js_distance": np.sqrt(nats)}


def bhattacharyya(truth: Floats, predicted: Floats) -> float:
    """Return the mean Bhattacharyya coefficient, in [0, 1]; 1 for equal, NaN for no record."""
    return _mean(coefficients(truth, predicted))


def jsd_nats(truth: Floats, predicted: Floats) -> float:
    """Return the mean Jensen-Shannon divergence, nats, in [0, 0.694]; NaN for no record."""
    return _mean(divergences(truth, predicted))


def jsd_bits(truth: Floats, predicted: Floats) -> float:
    """Return the mean Jensen-Shannon divergence, bits, in [0, 1]; NaN for no record."""
    return _mean(divergences(truth, predicted) / np.log(2.0))


def js_distance(truth: Floats, predicted: Floats) -> float:
    """Return the mean square root of the divergence in nats, in [0, 0.833]; NaN for no record."""
    return _mean(np.sqrt(divergences(truth, predicted)))


def kl(truth: Floats, predicted: Floats) -> float:
    """Return the mean KL(truth || predicted), nats, in [0, 36.1]; NaN for no record."""
    return _mean(divergences_kl(truth, predicted))


def cosine(truth: Floats, predicted: Floats) -> float:
    """Return the mean cosine similarity, in [0, 1]; NaN for no record."""
    return _mean(cosines(truth, predicted))


def soft_accuracy(truth: Floats, predicted: Floats) -> float:
    """Return the mean share of votes that the predicted label got, in [0, 1]; NaN for none."""
    return _mean(soft_hits(truth, predicted))


def r2_per_record(truth: Floats, predicted: Floats) -> float:
    """Return the mean squared correlation of the rows, in [0, 1]; NaN for no record."""
    return _mean(squared_correlations(truth, predicted))


def r2_per_emotion(truth: Floats, predicted: Floats) -> float:
    """Return the mean over classes of 1 - SSE / SST over records, at most 1.

    As scikit-learn's: a class whose true share never changes counts as 1 when it is predicted
    exactly, else as 0. NaN with fewer than two records.
    """
    truth, predicted = _pair(truth, predicted)
    return float(r2_of(r2_sums(truth, predicted, np.zeros(len(truth), np.int64), 1)[0]))


def negative_entropies(rows: Floats) -> Floats:
    """Return the sum of p log p of each row, nats; zero adds nothing."""
    return np.einsum("rc,rc->r", rows, np.log(np.where(rows > 0, rows, 1.0)))


def _pair(truth: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.ndim != 2 or truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction differ: {truth.shape} != {predicted.shape}")
    return truth, predicted


def counted(rows: Floats, name: str) -> tuple[Floats, Floats]:
    """Return rows and their sums, or raise ValueError naming the first that cannot be shares."""
    rows = np.asarray(rows, np.float64)
    if rows.ndim != 2:
        raise ValueError(f"{name} has the shape {rows.shape}, not (records, classes)")
    total = np.einsum("rc->r", rows)
    _refuse(~np.isfinite(total), name, "is not finite", rows)
    if (rows < 0).any():
        _refuse(np.any(rows < 0, axis=1), name, "is negative", rows)
    _refuse(total == 0, name, "adds to zero", rows)
    return rows, total


def _refuse(bad: NDArray[np.bool_], name: str, problem: str, rows: Floats) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{name} {row} {problem}: {rows[row].tolist()}")


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
