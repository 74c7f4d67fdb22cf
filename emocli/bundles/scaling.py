"""Vector scaling: a factor and an offset for every class's logit, fitted on held-out records.

Guo, C. et al. (2017). On calibration of modern neural networks. https://arxiv.org/abs/1706.04599
(section 4.2; temperature scaling is the same factor for all classes and no offset). The paper fits
both without regularisation. Our choice: a Gaussian prior centred on the temperature solution, so
that a few records change little and many records decide. Since the prior has its maximum there,
the fit is never worse on its own records than temperature scaling.

    minimise  sum_n CE(y_n, softmax(w z_n + b)) + |T w - 1|^2 / (2 s^2) + |b|^2 / (2 s^2)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# s: of T w around 1, and of b in nats around 0. Where scaling cannot help, a fit on ten to a
# hundred records of four classes costs 0.01 nats on other records; with twice this s it costs 0.04.
SPREAD = 0.25
STEPS = 100
ENOUGH = 1e-12  # half the squared Newton decrement, nats in all: the estimated excess loss


def vector(logits: Floats, shares: Floats, temperature: float) -> tuple[Floats, Floats]:
    """Return the weights and the bias, (classes,) each, fitted on logits (records, classes).

    `shares` is the truth, rows adding to one; `temperature` is the T fitted on the same records.
    """
    fit = _Fit(np.asarray(logits, np.float64), np.asarray(shares, np.float64), temperature)
    classes = logits.shape[1]
    point = np.concatenate([np.full(classes, 1 / temperature), np.zeros(classes)])
    for _ in range(STEPS):
        loss, slope, curve = fit.loss(point), *fit.slopes(point)
        step = -np.linalg.solve(curve, slope)
        if -slope @ step / 2 < ENOUGH:
            break
        length = 1.0
        while fit.loss(point + length * step) > loss + 0.25 * length * slope @ step:
            length /= 2
        point = point + length * step
    return point[:classes], point[classes:]


class _Fit:
    """The penalised loss, its gradient and Hessian at a point (weights, bias); it is convex."""

    def __init__(self, logits: Floats, shares: Floats, temperature: float) -> None:
        self.logits, self.shares = logits, shares
        classes = logits.shape[1]
        self.centre = np.concatenate([np.full(classes, 1 / temperature), np.zeros(classes)])
        scale = np.concatenate([np.full(classes, temperature), np.ones(classes)])
        self.penalty = (scale / SPREAD) ** 2

    def _logs(self, point: Floats) -> Floats:
        weights, bias = np.split(point, 2)
        return log_softmax(self.logits * weights + bias)

    def loss(self, point: Floats) -> float:
        offset = point - self.centre
        cross = -(self.shares * self._logs(point)).sum()
        return float(cross + (self.penalty * offset**2).sum() / 2)

    def slopes(self, point: Floats) -> tuple[Floats, Floats]:
        """Return the gradient (2 classes,) and the Hessian (2 classes, 2 classes)."""
        likely = np.exp(self._logs(point))
        off = likely - self.shares
        slope = np.concatenate([(self.logits * off).sum(0), off.sum(0)])
        slope += self.penalty * (point - self.centre)
        weighted = np.concatenate(
            [self.logits * likely, likely], axis=1
        )  # d logit of each, times p
        curve = -weighted.T @ weighted
        classes = self.logits.shape[1]
        diagonal = np.arange(classes)
        for i, left in enumerate((self.logits, 1.0)):
            for j, right in enumerate((self.logits, 1.0)):
                curve[diagonal + i * classes, diagonal + j * classes] += (
                    likely * left * right
                ).sum(0)
        return slope, curve + np.diag(self.penalty)


def log_softmax(logits: Floats) -> Floats:
    """Return log-probabilities of logits (records, classes)."""
    top = logits - logits.max(axis=1, keepdims=True)
    return top - np.log(np.exp(top).sum(axis=1, keepdims=True))


def temperature(values: Floats, targets: NDArray[Any]) -> float:
    """Return the temperature T that minimises the log loss of softmax(values / T).

    Targets are classes (records,) or shares of classes (records, classes). The loss is convex in
    1/T; golden-section search over T from 1/16 to 16.

    Guo, C. et al. (2017). On calibration of modern neural networks.
    https://arxiv.org/abs/1706.04599
    """
    shares = targets if targets.ndim == 2 else np.eye(values.shape[1])[targets]

    def loss(log_temperature: float) -> float:
        scaled = values / np.exp(log_temperature)
        top = scaled.max(axis=1, keepdims=True)
        norm = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        return float((norm * shares.sum(axis=1) - (shares * scaled).sum(axis=1)).mean())

    ratio = (np.sqrt(5) - 1) / 2
    low, high = -np.log(16), np.log(16)
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))
