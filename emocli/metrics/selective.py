"""Risk and coverage of answers that abstain: what an unsure classifier gains by saying nothing.

El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 11, 2010,
https://jmlr.org/papers/v11/el-yaniv10a.html; Geifman and El-Yaniv, "Selective Classification for
Deep Neural Networks", NIPS 2017, https://arxiv.org/abs/1705.08500: coverage is the share of records
that are answered, the most confident ones; risk is the share of wrong answers among them. The area
under risk by coverage (AURC) is that of Geifman, Uziel and El-Yaniv, ICLR 2019,
https://arxiv.org/abs/1805.08206, which take the mean of the risk of the k most confident records
over all k. Our choice: the integral over coverage, whose limit that is, with the wrong answers of
equal confidences spread evenly among them, so that the order of records never matters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["aurc"]

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # of a table; our choice

Floats = NDArray[np.float64]


def aurc(confidence: Floats, correct: NDArray[np.bool_]) -> float:
    """Return the area under risk by coverage, in [0, 1]; NaN for no record.

    `confidence` is the probability of the predicted label, `correct` whether it was right. Guessing
    at random which records to answer gives 1 - accuracy; the best order far less.
    """
    _, answered, wrong = _steps(confidence, correct)
    if not len(answered):
        return float("nan")
    coverage = answered / answered[-1]
    before, errors = np.append(0.0, coverage[:-1]), wrong / answered[-1]
    slope = np.diff(errors, prepend=0.0) / (coverage - before)
    start = np.append(0.0, errors[:-1]) - slope * before  # of a step's line where coverage is 0
    ratio = np.log(np.divide(coverage, before, out=np.ones_like(coverage), where=before > 0))
    return float((start * ratio + slope * (coverage - before)).sum())


def risk_coverage(
    confidence: Floats, correct: NDArray[np.bool_], coverages: Sequence[float] = COVERAGES
) -> list[tuple[float, float, float]]:
    """Return (least confidence, coverage, risk) of the most confident records, a row per coverage.

    Records whose confidence is at least the first are answered, and as equal confidences are
    answered together, the coverage is the wanted one or the next larger. No record: no row.
    """
    least, answered, wrong = _steps(confidence, correct)
    if not len(answered):
        return []
    wanted = np.ceil(np.asarray(coverages) * answered[-1] - 1e-9)  # records
    places = np.searchsorted(answered, wanted)
    shares, risks = answered[places] / answered[-1], wrong[places] / answered[places]
    return list(zip(least[places].tolist(), shares.tolist(), risks.tolist(), strict=True))


def _steps(confidence: Floats, correct: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Return the confidences, falling, and how many records reach each, and are wrong of these."""
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, np.bool_)
    if confidence.shape != correct.shape:
        raise ValueError(f"lengths differ: {len(confidence)} != {len(correct)}")
    values, place, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong = np.bincount(place, ~correct, len(values))
    return -values, counts.cumsum().astype(np.float64), wrong.cumsum()
