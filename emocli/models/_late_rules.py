"""The rules of late fusion: combine the log-probabilities of several streams."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

EVIDENCE, SUM, PRODUCT, REGRESSION = RULES = ("evidence", "sum", "product", "regression")

STEPS = (20, 10, 5, 2, 1)  # from 0 to 1, on the grid of weights
COMBINATIONS = 2000  # at most, on that grid
PENALTY = 1.0  # of the regression; scikit-learn's 1 / C


def evidence(answers: Tensor, present: Tensor, weights: Tensor, priors: Tensor) -> Tensor:
    """Return log p (batch, classes): the first stream's, plus what others add to log `priors`."""
    first, total = present[:, :1], torch.where(present[:, :1], answers[:, 0], 0.0)
    for place in range(1, answers.shape[1]):
        answer = answers[:, place]
        part = torch.where(first, weights[place] * (answer - priors[place]), answer)
        total = total + torch.where(present[:, place : place + 1], part, 0.0)
    return torch.log_softmax(total, dim=-1)


def scaled(weights: Tensor, present: Tensor) -> Tensor:
    """Return weights (batch, streams) adding to one over the streams present, zero elsewhere.

    Equal weights where those of all streams present are zero; zero where no stream is.
    """
    kept = weights * present
    positive = kept.sum(dim=1, keepdim=True) > 0
    kept = torch.where(positive, kept, present.to(kept))
    return kept / kept.sum(dim=1, keepdim=True).clamp_min(1e-9)


def weighted_sum(answers: Tensor, weights: Tensor) -> Tensor:
    """Return log sum_s w_s p_s (batch, classes) of log p (batch, streams, classes)."""
    some = weights.sum(dim=1, keepdim=True) > 0
    weights = torch.where(some, weights, 1.0)
    lowest = torch.finfo(answers.dtype).min
    logs = torch.where(weights > 0, weights.clamp_min(1e-30).log(), lowest)
    fused = torch.logsumexp(answers + logs[..., None], dim=1)
    return torch.where(some, fused, 0.0).log_softmax(dim=1)


def product(answers: Tensor, weights: Tensor) -> Tensor:
    """Return log p with p in proportion to prod_s p_s^w_s: (batch, classes)."""
    return (weights[..., None] * answers).sum(dim=1).log_softmax(dim=1)


def grid(rule: str, count: int) -> Iterator[tuple[float, ...]]:
    """Yield the weights of `count` streams to try, larger weights of earlier streams first."""
    if rule == EVIDENCE:
        yield from ((1.0, *[step / STEPS[0]] * (count - 1)) for step in range(STEPS[0] + 1))
        return
    fits = (n for n in STEPS if math.comb(n + count - 1, count - 1) <= COMBINATIONS)
    total = next(fits, STEPS[-1])
    yield from (tuple(part / total for part in parts) for parts in _shared(total, count))


def _shared(total: int, count: int) -> Iterator[tuple[int, ...]]:
    """Yield all ways to split a number of parts, the largest first share first."""
    if count == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        yield from ((first, *rest) for rest in _shared(total - first, count - 1))


def regression(features: Tensor, targets: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return weight (classes, dim) and bias (classes,) of a penalised logistic regression.

    Features (records, dim), targets classes or shares of them. L-BFGS, in double precision.
    """
    x = features.double()
    shares = functional.one_hot(targets, classes) if targets.ndim == 1 else targets
    weight = torch.zeros(classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [weight, bias], max_iter=1000, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        search.zero_grad()
        logs = (x @ weight.T + bias).log_softmax(dim=1)
        total = -(shares * logs).sum() + PENALTY * weight.square().sum() / 2
        torch.autograd.backward(total)
        return total

    search.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().float(), bias.detach().float()
