"""Decoders that are chosen: against a search by others, and against truths that are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, rel_entr

from emocli.metrics import blend, blend_decoder

NEUTRAL = 5
VALID = blend.answers(6, NEUTRAL)


def draw(seed, records=400, noise=0.4):
    """True answers, some likelier than others, and probabilities near them."""
    random = np.random.default_rng(seed)
    prior = random.dirichlet(np.ones(36))
    truth = VALID[random.choice(36, records, p=prior)]
    return truth, (1 - noise) * truth / 100 + noise * random.dirichlet(np.ones(6), size=records)


def test_the_published_rule_takes_the_best_thresholds():
    truth, p = draw(0)
    decoder = blend_decoder.fit_decoder(truth, p, NEUTRAL, "published")
    alpha, beta = blend.thresholds(truth, p, NEUTRAL)
    assert decoder == {"rule": "published", "alpha": alpha, "beta": beta}
    answer = blend_decoder.decoded(p, decoder, NEUTRAL)
    np.testing.assert_array_equal(answer, blend.decode(p, alpha, beta, NEUTRAL))


@pytest.mark.parametrize("noise", [0.2, 0.5, 0.8])
def test_sharpness_is_where_scipy_finds_the_true_answers_likeliest(noise):
    truth, p = draw(1, noise=noise)
    decoder = blend_decoder.fit_decoder(truth, p, NEUTRAL, "expected")
    indices = np.array([np.flatnonzero((row == VALID).all(1))[0] for row in truth])
    near = -rel_entr(VALID[None] / 100, p[:, None]).sum(2)

    def surprise(sharpness):
        logs = log_softmax(sharpness * near + np.log(decoder["prior"]), axis=1)
        return -logs[np.arange(len(indices)), indices].mean()

    best = minimize_scalar(surprise, bounds=blend_decoder.SHARPNESS, method="bounded")
    assert decoder["sharpness"] == pytest.approx(best.x, rel=1e-3)
    assert surprise(decoder["sharpness"]) <= best.fun + 1e-12


def test_the_prior_is_the_frequencies_and_none_is_impossible():
    truth = VALID[[0, 0, 0, 7]]
    decoder = blend_decoder.fit_decoder(truth, truth / 100, NEUTRAL, "expected")
    expected = np.ones(36)
    expected[[0, 7]] = 4, 2
    np.testing.assert_allclose(decoder["prior"], expected / 40)


def test_a_sharpness_that_draws_the_truth_is_found_again():
    """Truths drawn from the posteriors of a known sharpness and prior."""
    random = np.random.default_rng(2)
    p, prior = random.dirichlet(np.full(6, 0.5), size=6000), random.dirichlet(np.full(36, 3.0))
    chances = blend.posteriors(p, prior, 2.5, NEUTRAL).cumsum(1)
    truth = VALID[(random.random((6000, 1)) > chances).sum(1)]
    decoder = blend_decoder.fit_decoder(truth, p, NEUTRAL, "expected")
    assert decoder["sharpness"] == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize(("noise", "end"), [(0.0, 1), (None, 0)])
def test_a_perfect_and_a_misleading_network_end_at_the_ends(noise, end):
    truth, p = draw(3, noise=noise or 0.0)
    if noise is None:
        p = np.where(truth > 0, 1e-6, 1.0)
        p /= p.sum(1, keepdims=True)
    decoder = blend_decoder.fit_decoder(truth, p, NEUTRAL, "expected")
    assert decoder["sharpness"] == pytest.approx(blend_decoder.SHARPNESS[end])
    if end:
        np.testing.assert_array_equal(blend_decoder.decoded(p, decoder, NEUTRAL), truth)


@pytest.mark.parametrize("rule", blend_decoder.RULES)
def test_an_answer_depends_neither_on_its_neighbours_nor_on_json(rule):
    truth, p = draw(4)
    data = json.loads(json.dumps(blend_decoder.fit_decoder(truth, p, NEUTRAL, rule)))
    together = blend_decoder.decoded(p, data, NEUTRAL)
    single = [blend_decoder.decoded(p[i : i + 1], data, NEUTRAL)[0] for i in range(len(p))]
    np.testing.assert_array_equal(together, single)
    assert {tuple(row) for row in together} <= {tuple(row) for row in VALID}


@pytest.mark.parametrize("rule", blend_decoder.RULES)
def test_labels_without_neutral_may_all_be_blended(rule):
    valid = blend.answers(3, None)
    assert len(valid) == 3 + 3 * 3
    p = 0.9 * valid / 100 + 0.1 / 3
    decoder = blend_decoder.fit_decoder(valid, p, None, rule)
    np.testing.assert_array_equal(blend_decoder.decoded(p, decoder, None), valid)


def simulated(random, actors=12, clips=40, noise=1.3):
    """Truths and probabilities whose network has a bias of its own for every actor."""
    truth = VALID[random.integers(36, size=(actors, clips))]
    logits = 1.5 * np.log(truth / 100 + 0.1) + 0.7 * random.normal(size=(actors, 1, 6))
    logits += noise * random.normal(size=truth.shape)
    return truth, np.exp(log_softmax(logits, axis=2))


def score(truth, answer):
    return (blend.presence(truth, answer) + blend.salience(truth, answer)) / 2


def test_a_choice_on_other_actors_says_what_new_actors_will_give_and_the_published_way_flatters():
    random = np.random.default_rng(5)
    flattery = {"published": [], "nested": []}
    for _ in range(60):
        fold, other, new = (
            [part.reshape(-1, 6) for part in simulated(random, actors)] for actors in (4, 4, 40)
        )
        chosen = {
            name: blend_decoder.fit_decoder(*on, NEUTRAL, "published")
            for name, on in (("published", fold), ("nested", other))
        }
        for name, decoder in chosen.items():
            scores = score(fold[0], blend_decoder.decoded(fold[1], decoder, NEUTRAL))
            held = score(new[0], blend_decoder.decoded(new[1], decoder, NEUTRAL))
            flattery[name].append(scores - held)
    (published, nested), spread = (
        [f(values) for values in flattery.values()]
        for f in (np.mean, lambda v: np.std(v) / 60**0.5)
    )
    assert published > 3 * spread[0]
    assert abs(nested) < 3 * spread[1]
    assert abs(nested) < published / 2


@pytest.mark.parametrize(
    ("truth", "rule", "message"),
    [
        ([[60, 40, 0, 0, 0, 0]], "expected", r"truth 0 is not one of the 36 answers: \[60"),
        ([[50, 0, 0, 0, 0, 50]], "expected", "not one of the 36 answers"),
        ([[50, 0, 0, 0, 0, 20]], "expected", "truth 0 is not positive shares"),
        (
            [[100, 0, 0, 0, 0, 0]],
            "magic",
            "unknown rule 'magic': the rules are published, expected",
        ),
        (np.zeros((0, 6)), "published", "cannot fit"),
        ([[100, 0, 0, 0, 0]], "published", "cannot fit"),
    ],
)
def test_what_cannot_be_fitted_is_named(truth, rule, message):
    truth = np.array(truth, float)
    with pytest.raises(ValueError, match=message):
        blend_decoder.fit_decoder(truth, np.full((len(truth), 6), 1 / 6), NEUTRAL, rule)


def test_decoders_that_are_none_are_named():
    p = np.full((1, 6), 1 / 6)
    with pytest.raises(ValueError, match="unknown rule 'magic'"):
        blend_decoder.decoded(p, {"rule": "magic"}, NEUTRAL)
    with pytest.raises(ValueError, match="the prior has 12 answers, 6 classes have 36"):
        blend_decoder.decoded(
            p, {"rule": "expected", "sharpness": 1.0, "prior": [1 / 12] * 12}, NEUTRAL
        )
