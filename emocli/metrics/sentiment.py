"""Metrics of sentiment as MMSA computes them: the MOSI and MOSEI set, and the SIMS set.

Mao, Yuan, Xu, Yu, Liu and Gao, "M-SENA: An Integrated Platform for Multimodal Sentiment Analysis",
ACL 2022 (demonstrations), https://arxiv.org/abs/2203.12441; definitions read from its code,
https://github.com/thuiar/MMSA, `metricsTop.py`, regression mode. Two figures go beyond it, as in
MSE-Adapter, https://arxiv.org/abs/2502.12478: `acc2_weak` and `r2`.

MOSI, MOSEI: sentiment in [-3, 3]. MAE and correlation use the numbers as they are; `acc7`, `acc5`
and `acc3` clip truth and prediction to +-3, +-2, +-1 and round half to even. Papers write "Acc-2
a/b": a is `acc2_has0`, negative against non-negative (p >= 0) over all records; b is `acc2_non0`,
negative against positive (p > 0) without the records whose truth is exactly 0. Report both.
SIMS: both are clipped to [-1, 1] before anything else, MAE and correlation included; bins are open
at the left and closed at the right, so that 0 is negative.
F1 is weighted by the classes of the truth. MMSA's numbers are float32, so bins are compared in
float32 here too. A figure without records is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import classification, regression
from emocli.metrics.determination import r2_of

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SIMS_EDGES = {"acc2": (0.0,), "acc3": (-0.1, 0.1), "acc5": (-0.7, -0.1, 0.1, 0.7)}
WEAK = 0.4  # SIMS v2: the records with a truth in [-0.4, 0.4] are weak
MOSI_BOUNDS = {"acc7": 3, "acc5": 2, "acc3": 1}

_MOMENTS = 9  # the columns of `regression.sums`


def mosi(truth: Floats, predicted: Floats) -> dict[str, float]:
    """Return mae, corr, acc7, acc5, acc3, acc2_has0, f1_has0, acc2_non0 and f1_non0.

    Raises ValueError with both lengths, or naming the first record that is not finite.
    """
    total = mosi_sums(truth, predicted, np.zeros(np.shape(truth), np.int64), 1)[0]
    return {name: float(value) for name, value in mosi_figures(total).items()}


def sims(truth: Floats, predicted: Floats) -> dict[str, float]:
    """Return mae, corr, acc5, acc3, acc2, f1, acc2_weak and r2.

    Raises ValueError with both lengths, or naming the first record that is not finite.
    """
    total = sims_sums(truth, predicted, np.zeros(np.shape(truth), np.int64), 1)[0]
    return {name: float(value) for name, value in sims_figures(total).items()}


def mosi_sums(truth: Floats, predicted: Floats, clusters: Indices, count: int) -> Floats:
    """Return the sums per cluster for `mosi_figures`, (count, 20)."""
    moments = regression.sums(truth, predicted, clusters, count)
    y, p = (np.asarray(values, np.float32) for values in (truth, predicted))
    right = [
        np.bincount(clusters, _rounded(y, bound) == _rounded(p, bound), count)
        for bound in MOSI_BOUNDS.values()
    ]
    has0 = _confusions(y >= 0, p >= 0, clusters, count)
    some = y != 0
    non0 = _confusions(y[some] > 0, p[some] > 0, clusters[some], count)
    return np.concatenate([moments, np.stack(right, 1), has0, non0], 1)


def mosi_figures(total: Floats) -> dict[str, Floats]:
    """Return every figure of the MOSI set of sums (..., 20), one value per leading index."""
    parts = np.split(total, [_MOMENTS, _MOMENTS + 3, _MOMENTS + 7], -1)
    moments, right, has0, non0 = parts[0], parts[1], _square(parts[2]), _square(parts[3])
    return {
        **_numbers(moments),
        **_shares(tuple(MOSI_BOUNDS), right, moments[..., 0]),
        "acc2_has0": classification.accuracy(has0),
        "f1_has0": classification.weighted_f1(has0),
        "acc2_non0": classification.accuracy(non0),
        "f1_non0": classification.weighted_f1(non0),
    }


def sims_sums(truth: Floats, predicted: Floats, clusters: Indices, count: int) -> Floats:
    """Return the sums per cluster for `sims_figures`, (count, 17)."""
    clipped = [np.clip(values, -1, 1) for values in regression.checked(truth, predicted)]
    moments = regression.sums(clipped[0], clipped[1], clusters, count)
    y, p = (values.astype(np.float32) for values in clipped)
    right = [
        np.bincount(clusters, _binned(y, edges) == _binned(p, edges), count)
        for edges in (SIMS_EDGES["acc5"], SIMS_EDGES["acc3"])
    ]
    weak = np.abs(y) <= np.float32(WEAK)
    agreed = (y > 0) == (p > 0)
    weakly = [np.bincount(clusters, weak & agreed, count), np.bincount(clusters, weak, count)]
    pairs = _confusions(y > 0, p > 0, clusters, count)
    return np.concatenate([moments, np.stack(right + weakly, 1), pairs], 1)


def sims_figures(total: Floats) -> dict[str, Floats]:
    """Return every figure of the SIMS set of sums (..., 17), one value per leading index."""
    moments, counts, pairs = np.split(total, [_MOMENTS, _MOMENTS + 4], -1)
    confusion = _square(pairs)
    weak = np.where(counts[..., 3] > 0, counts[..., 3], np.nan)
    squares = moments[..., [0, 1, 3, 8]]  # n, y, y^2, (y - p)^2
    return {
        **_numbers(moments),
        **_shares(("acc5", "acc3"), counts[..., :2], moments[..., 0]),
        "acc2": classification.accuracy(confusion),
        "f1": classification.weighted_f1(confusion),
        "acc2_weak": (counts[..., 2] / weak)[()],
        "r2": r2_of(squares),
    }


def _numbers(moments: Floats) -> dict[str, Floats]:
    figures = regression.figures(moments)
    return {"mae": figures["mae"], "corr": figures["pearson"]}


def _shares(names: tuple[str, ...], right: Floats, records: Floats) -> dict[str, Floats]:
    some = np.where(records > 0, records, np.nan)
    return {name: (right[..., i] / some)[()] for i, name in enumerate(names)}


def _rounded(values: NDArray[np.float32], bound: int) -> NDArray[np.float32]:
    """Round half to even within +-bound, as numpy does: 0.5 is 0, 1.5 and 2.5 are 2."""
    return np.rint(np.clip(values, -bound, bound))


def _binned(values: NDArray[np.float32], edges: tuple[float, ...]) -> Indices:
    return np.searchsorted(np.asarray(edges, np.float32), values, side="left")


def _confusions(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_], clusters: Indices, count: int
) -> Floats:
    """Count per cluster truth 0 and 1 against prediction 0 and 1, (count, 4)."""
    cell = clusters * 4 + truth * 2 + predicted
    return np.bincount(cell, minlength=count * 4).reshape(count, 4).astype(np.float64)


def _square(pairs: Floats) -> Floats:
    return pairs.reshape(*pairs.shape[:-1], 2, 2)
