"""Choose how blends are read from probabilities, on records that are not scored afterwards.

A decoder is a dict that bundles carry: {"rule": "published", "alpha", "beta"}, the two thresholds
of BLEMORE (https://arxiv.org/abs/2601.13225), or {"rule": "expected", "sharpness", "prior"}, our
design: the answer of the greatest expected score. `blend.py` has both rules. The published way
chooses on the fold whose score it then reports, which flatters; these functions do not know whose
records they are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from emocli.metrics import blend
from emocli.metrics.blend import Floats, Indices

RULES = ("published", "expected")
SHARPNESS = (1e-2, 1e3)  # from deaf to the network to nothing but its nearest answer: our choice
STEPS = 60  # halvings of the range of log sharpness: 1e-17 of it is left


def fit_decoder(
    truth: Floats, probabilities: Floats, neutral: int | None, rule: str
) -> dict[str, Any]:
    """Return the decoder of a rule that suits saliences and probabilities (records, classes).

    "published": alpha and beta with the best challenge score. "expected": the sharpness that makes
    the true answers likeliest, the prior their frequencies with one added to each (our choice, so
    that none is impossible). Raises ValueError for another rule, for no record and for a truth that
    is none of the valid answers, which only the "published" rule takes.
    """
    truth = blend.saliences(truth, "truth")
    if not len(truth) or truth.shape != np.shape(probabilities):
        raise ValueError(f"cannot fit {np.shape(probabilities)} to a truth of {truth.shape}")
    if rule == "published":
        alpha, beta = blend.thresholds(truth, probabilities, neutral)
        return {"rule": rule, "alpha": alpha, "beta": beta}
    if rule != "expected":
        raise ValueError(f"no rule {rule!r}: there are {', '.join(RULES)}")
    valid = blend.answers(truth.shape[1], neutral)
    own = _which(truth, valid)
    prior = (np.bincount(own, minlength=len(valid)) + 1) / (len(own) + len(valid))
    near = blend.closeness(probabilities, neutral)
    return {"rule": rule, "sharpness": _sharpness(near, own, prior), "prior": prior.tolist()}


def decoded(probabilities: Floats, decoder: Mapping[str, Any], neutral: int | None) -> Floats:
    """Return the saliences that a decoder reads from probabilities (records, classes).

    A record's answer does not depend on its neighbours. Raises ValueError for another rule, and for
    a prior of another number of answers.
    """
    classes = np.shape(probabilities)[1]
    if decoder["rule"] == "published":
        return blend.decode(probabilities, decoder["alpha"], decoder["beta"], neutral)
    if decoder["rule"] != "expected":
        raise ValueError(f"no rule {decoder['rule']!r}: there are {', '.join(RULES)}")
    prior, valid = np.asarray(decoder["prior"], np.float64), blend.answers(classes, neutral)
    if len(prior) != len(valid):
        raise ValueError(f"a prior of {len(prior)} answers for {classes} classes: {len(valid)}")
    likely = blend.posteriors(probabilities, prior, decoder["sharpness"], neutral)
    share = float(prior[(valid > 0).sum(1) == 2].sum())
    return blend.decode_expected(likely, classes, neutral, share)


def _which(truth: Floats, valid: Floats) -> Indices:
    """Return which of the valid answers each row is; ValueError names the first that is none."""
    same = (np.rint(truth)[:, None] == valid).all(2)  # (records, answers)
    if not (some := same.any(1)).all():
        row = int(some.argmin())
        raise ValueError(f"truth {row} is none of the {len(valid)} answers: {truth[row].tolist()}")
    return same.argmax(1)


def _sharpness(near: Floats, own: Indices, prior: Floats) -> float:
    """Return the sharpness that makes the answers `own` likeliest.

    Their mean log-probability is concave in it; its slope is how much nearer the true answers are
    than the expected ones, and is halved towards zero.
    """
    true = float(near[np.arange(len(own)), own].mean())

    def slope(sharpness: float) -> float:
        likely = blend.weighed(near, prior, sharpness)
        return true - float((likely * near).sum(1).mean())

    low, high = np.log(SHARPNESS)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(float(np.exp(middle))) > 0 else (low, middle)
    return float(np.exp((low + high) / 2))
