"""Metrics of probabilities: how far a classifier's confidence can be trusted.

Expected calibration error after Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks", ICML 2017, https://arxiv.org/abs/1706.04599, equation 3: 15 bins of equal width, each
open at its left edge and closed at its right, ((m-1)/15, m/15]; a confidence of 0 falls in the
first. Brier score after Brier, "Verification of forecasts expressed in terms of probability",
Monthly Weather Review 78(1), 1950, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2:
the sum over classes, so it lies in [0, 2] (twice scikit-learn's for two classes).
Log loss is in nats; a probability below 2.2e-16 counts as that, as in scikit-learn.

Adaptive calibration error: the same sum over 15 bins of equal numbers of records, after Nguyen and
O'Connor, "Posterior calibration and exploratory analysis for natural language processing models",
EMNLP 2015, https://arxiv.org/abs/1508.05154. The edges are confidences (`adaptive_edges`), so equal
confidences share a bin, and a bootstrap keeps them fixed. Papers on ambiguity use other numbers of
equal bins: 5 (AER-LLM) or 10 (Scaling Ambiguity, its bins closed at the left).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["adaptive_ece", "brier", "ece", "log_loss"]

BINS = 15  # Guo et al. 2017, table 1
EDGES = np.arange(1, BINS) / BINS  # the inner ones
LEAST = float(np.finfo(np.float64).eps)  # the least probability: 36 nats at most

Floats = NDArray[np.float64]


def losses(truth: NDArray[np.integer], probabilities: Floats) -> Floats:
    """Return minus the log of each record's probability (records, classes) for its truth, nats."""
    truth, probabilities = _checked(truth, probabilities)
    true_probabilities = probabilities[np.arange(len(truth)), truth]
    loss: Floats = -np.log(np.clip(true_probabilities, LEAST, 1.0))
    return loss


def squared_errors(truth: NDArray[np.integer], probabilities: Floats) -> Floats:
    """Return each record's squared distance from certainty about its truth, in [0, 2]."""
    truth, probabilities = _checked(truth, probabilities)
    true_probabilities = probabilities[np.arange(len(truth)), truth]
    # sum (p - y)^2 = sum p^2 - 2 p_truth + 1
    errors: Floats = (
        np.einsum("rc,rc->r", probabilities, probabilities) - 2 * true_probabilities + 1
    )
    return errors


def log_loss(truth: NDArray[np.integer], probabilities: Floats) -> float:
    """Return the mean log loss (cross entropy), nats, in [0, 36.04]; NaN for no record."""
    return _mean(losses(truth, probabilities))


def brier(truth: NDArray[np.integer], probabilities: Floats) -> float:
    """Return the mean Brier score, in [0, 2]; NaN for no record."""
    return _mean(squared_errors(truth, probabilities))


def bins(confidence: Floats, edges: Floats = EDGES) -> NDArray[np.int64]:
    """Return the bin of each confidence, 0 to the number of inner `edges`; 14 by default."""
    confidence = np.asarray(confidence, np.float64)
    if confidence.size and not 0 <= confidence.min() <= confidence.max() <= 1 + 1e-6:
        raise ValueError(f"confidence {confidence.min()}..{confidence.max()} is not in 0..1")
    return np.searchsorted(edges, confidence, side="left")


def adaptive_edges(confidence: Floats, count: int = BINS) -> Floats:
    """Return the inner edges, (count - 1,), of bins that hold equally many of the confidences.

    Each is the largest confidence of its bin; where many are equal, bins between them are empty.
    """
    ordered = np.sort(np.asarray(confidence, np.float64))
    last = -(-np.arange(1, count) * len(ordered) // count) - 1  # the ceiling of k n / count, less 1
    return ordered[last] if len(ordered) else np.zeros(count - 1)


def ece(confidence: Floats, correct: NDArray[np.bool_], edges: Floats = EDGES) -> float:
    """Return the expected calibration error, in [0, 1]; NaN for no record.

    `confidence` is the probability of the predicted label, `correct` whether it was right.
    """
    confidence, correct = _known(confidence, correct)
    gaps = np.bincount(bins(confidence, edges), correct - confidence, len(edges) + 1)
    return float(ece_of(gaps.astype(np.float64), np.float64(len(correct))))


def adaptive_ece(confidence: Floats, correct: NDArray[np.bool_]) -> float:
    """Return the calibration error over 15 bins of equal numbers, in [0, 1]; NaN for no record."""
    return ece(confidence, correct, adaptive_edges(confidence))


def ece_of(gaps: Floats, records: Floats | np.float64) -> Floats:
    """Return the ECE of sums of (correct - confidence) per bin, (..., bins).

    The mean of |accuracy - confidence| weighted by bin size is the sum of |gap| over the records.
    """
    records = np.asarray(records, np.float64)
    total = np.abs(gaps).sum(-1)
    return np.divide(total, records, out=np.full(records.shape, np.nan), where=records > 0)[()]


def reliability(
    confidence: Floats, correct: NDArray[np.bool_], edges: Floats = EDGES
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return the records, mean confidence and accuracy of each bin: Guo et al. 2017, figure 1.

    Each is (bins,), the bins those of `ece`; NaN where a bin has no record. The ECE is the mean of
    |accuracy - confidence| weighted by the records.
    """
    confidence, correct = _known(confidence, correct)
    place, size = bins(confidence, edges), len(edges) + 1
    counts = np.bincount(place, minlength=size)
    some = np.where(counts > 0, counts, np.nan)
    means, shares = (np.bincount(place, v, size) / some for v in (confidence, correct))
    return counts, means, shares


def _known(confidence: Floats, correct: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, np.bool_)
    if confidence.shape != correct.shape:
        raise ValueError(f"lengths differ: {len(confidence)} != {len(correct)}")
    return confidence, correct


def _checked(
    truth: NDArray[np.integer], probabilities: Floats
) -> tuple[NDArray[np.integer], Floats]:
    truth, probabilities = np.asarray(truth, np.int64), np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise ValueError(
            f"truth {truth.shape} and probabilities {probabilities.shape} differ in length"
        )
    return truth, probabilities


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
