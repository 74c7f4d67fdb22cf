"""Vector scaling finds what the logits were bent by, and lets few records change little."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from emocli.bundles import scaling
from emocli.training import loop

WEIGHTS = np.array([0.4, 1.2, 0.7, 0.9])
BIAS = np.array([0.8, -0.5, 0.0, -0.3])


def simulated(count: int, seed: int = 0, *, plain: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and labels drawn from softmax(w z + b); `plain` is a temperature of 2 alone."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (count, 4))
    true = logits / 2 if plain else logits * WEIGHTS + BIAS
    labels = (scipy.special.log_softmax(true, 1) + random.gumbel(size=true.shape)).argmax(1)
    return logits, labels


def loss(logits: np.ndarray, shares: np.ndarray) -> float:
    return float(-(shares * scipy.special.log_softmax(logits, 1)).sum(1).mean())


def fitted(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    temperature = loop.temperature(logits, labels)
    return temperature, *scaling.vector(logits, np.eye(4)[labels], temperature)


def test_what_the_logits_were_bent_by_is_found() -> None:
    logits, labels = simulated(40_000)
    _, weights, bias = fitted(logits, labels)
    np.testing.assert_allclose(weights, WEIGHTS, atol=0.03)
    np.testing.assert_allclose(bias - bias.mean(), BIAS - BIAS.mean(), atol=0.05)


def test_a_temperature_is_found() -> None:
    logits, labels = simulated(40_000, plain=True)
    temperature, weights, bias = fitted(logits, labels)
    assert temperature == pytest.approx(2.0, rel=0.02)
    np.testing.assert_allclose(weights, 0.5, rtol=0.04)
    np.testing.assert_allclose(bias, 0, atol=0.05)


@pytest.mark.parametrize("soft", [False, True])
def test_it_is_the_optimum_that_scipy_finds(soft: bool) -> None:
    logits, labels = simulated(120, seed=1)
    shares = np.eye(4)[labels]
    if soft:
        shares = 0.5 * shares + 0.5 * np.random.default_rng(2).dirichlet(np.ones(4), len(labels))
    temperature = loop.temperature(logits, shares)

    def total(point: np.ndarray) -> float:
        weights, bias = np.split(point, 2)
        restraint = ((temperature * weights - 1) ** 2).sum() + (bias**2).sum()
        data = loss(logits * weights + bias, shares) * len(labels)
        return data + restraint / (2 * scaling.SPREAD**2)

    start = np.concatenate([np.ones(4), np.zeros(4)])
    best = scipy.optimize.minimize(total, start, method="BFGS", options={"gtol": 1e-7})
    found = np.concatenate(scaling.vector(logits, shares, temperature))
    np.testing.assert_allclose(found, best.x, atol=1e-4)
    one = scipy.optimize.minimize_scalar(
        lambda t: loss(logits / t, shares), bounds=(0.1, 10), method="bounded"
    )
    assert temperature == pytest.approx(one.x, rel=1e-3)


@pytest.mark.parametrize("count", [1, 2, 5, 20, 100])
def test_it_is_never_worse_than_the_temperature_on_its_own_records(count: int) -> None:
    for seed in range(20):
        logits, labels = simulated(count, seed)
        temperature, weights, bias = fitted(logits, labels)
        own = loss(logits * weights + bias, np.eye(4)[labels])
        assert own <= loss(logits / temperature, np.eye(4)[labels]) + 1e-9


def test_few_records_do_no_harm_and_many_help() -> None:
    held, truth = simulated(4000, seed=99)
    shares, gains = np.eye(4)[truth], {}
    for count in (10, 40, 1000):
        gains[count] = [
            loss(held / t, shares) - loss(held * weights + bias, shares)
            for t, weights, bias in (fitted(*simulated(count, seed)) for seed in range(20))
        ]
    assert np.mean(gains[10]) > 0
    assert min(gains[40]) > 0
    assert min(gains[1000]) > 0.1
    plain, right = simulated(4000, seed=98, plain=True)  # where there is nothing to be gained
    shares = np.eye(4)[right]
    for count in (10, 40):
        lost = [
            loss(plain * weights + bias, shares) - loss(plain / t, shares)
            for t, weights, bias in (fitted(*simulated(count, s, plain=True)) for s in range(20))
        ]
        assert np.mean(lost) < 0.01


def test_extreme_logits_are_no_trouble() -> None:
    logits = np.array([[1e3, -1e3, 0.0], [0.0, 0.0, 0.0], [-1e3, 500.0, 0.0]])
    weights, bias = scaling.vector(logits, np.eye(3)[[0, 1, 1]], 1.0)
    assert np.isfinite(weights).all()
    assert np.isfinite(bias).all()
