"""Fit the decoder that turns probabilities into blends, on records that are not scored.

A decoder is a dict that bundles contain: {"rule": "published", "alpha", "beta"}, the two thresholds
of BLEMORE (https://arxiv.org/abs/2601.13225), or {"rule": "expected", "sharpness", "prior"}, our
design: the answer of the greatest expected score. `blend.py` has both rules. The published code
chooses on the fold whose score it then reports, so that score is too high; these functions cannot
check which records they get.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from emocli.metrics import blend
from emocli.metrics.blend import Floats, Indices

RULES = ("published", "expected")
SHARPNESS = (1e-2, 1e3)  # from ignoring the network to always its nearest answer: our choice
STEPS = 60  # halvings of the range of log sharpness: 1e-17 of it is left


def fit_decoder(
    truth: Floats, probabilities: Floats, neutral: int | None, rule: str
) -> dict[str, Any]:
    """Return the decoder of a rule that fits saliences and probabilities (records, classes) best.

    "published": alpha and beta with the best challenge score. "expected": the sharpness that makes
    the true answers likeliest, the prior their frequencies with one added to each (our choice, so
    that none is impossible). Raises ValueError for an unknown rule, without records, and for a
    truth that is not a valid answer (the "published" rule accepts any).
    """
    truth = blend.saliences(truth, "truth")
    if not len(truth) or truth.shape != np.shape(probabilities):
        raise ValueError(f"cannot fit {np.shape(probabilities)} to a truth of {truth.shape}")
    if rule == "published":
        alpha, beta = blend.thresholds(truth, probabilities, neutral)
        return {"rule": rule, "alpha": alpha, "beta": beta}
    if rule != "expected":
        raise ValueError(f"unknown rule {rule!r}: the rules are {', '.join(RULES)}")
    valid = blend.answers(truth.shape[1], neutral)
    indices = _which(truth, valid)
    prior = (np.bincount(indices, minlength=len(valid)) + 1) / (len(indices) + len(valid))
    near = blend.closeness(probabilities, neutral)
    return {"rule": rule, "sharpness": _sharpness(near, indices, prior), "prior": prior.tolist()}


def decoded(probabilities: Floats, decoder: Mapping[str, Any], neutral: int | None) -> Floats:
    """Return the saliences that a decoder makes of probabilities (records, classes).

    A record's answer does not depend on its neighbours. Raises ValueError for an unknown rule, and
    for a prior with another number of answers.
    """
    classes = np.shape(probabilities)[1]
    if decoder["rule"] == "published":
        return blend.decode(probabilities, decoder["alpha"], decoder["beta"], neutral)
    if decoder["rule"] != "expected":
        raise ValueError(f"unknown rule {decoder['rule']!r}: the rules are {', '.join(RULES)}")
    prior, valid = np.asarray(decoder["prior"], np.float64), blend.answers(classes, neutral)
    if len(prior) != len(valid):
        raise ValueError(f"the prior has {len(prior)} answers, {classes} classes have {len(valid)}")
    likely = blend.posteriors(probabilities, prior, decoder["sharpness"], neutral)
    share = float(prior[(valid > 0).sum(1) == 2].sum())
    return blend.decode_expected(likely, classes, neutral, share)


def _which(truth: Floats, valid: Floats) -> Indices:
    """Return which of the valid answers each row is; ValueError names the first that is not one."""
    same = (np.rint(truth)[:, None] == valid).all(2)  # (records, answers)
    if not (some := same.any(1)).all():
        row = int(some.argmin())
        raise ValueError(
            f"truth {row} is not one of the {len(valid)} answers: {truth[row].tolist()}"
        )
    return same.argmax(1)


def _sharpness(near: Floats, indices: Indices, prior: Floats) -> float:
    """Return the sharpness that makes the answers at `indices` likeliest.

    Their mean log-probability is concave in it; its slope is how much closer the true answers are
    than the expected ones. Bisection finds the zero of the slope.
    """
    true = float(near[np.arange(len(indices)), indices].mean())

    def slope(sharpness: float) -> float:
        likely = blend.weighed(near, prior, sharpness)
        return true - float((likely * near).sum(1).mean())

    low, high = np.log(SHARPNESS)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(float(np.exp(middle))) > 0 else (low, middle)
    return float(np.exp((low + high) / 2))
