"""The EM of Saerens, Latinne and Decaestecker, against a known shift and a case worked by hand."""

import numpy as np
import pytest
from scipy import optimize

from emocli.metrics import class_shares

EVEN = np.full(3, 1 / 3)


def simulated(shares, records=20_000, seed=0):
    """Normal evidence of classes drawn with `shares`: log densities, exact up to a constant."""
    random = np.random.default_rng(seed)
    truth = random.choice(len(shares), size=records, p=shares)
    centres = 1.5 * np.eye(len(shares))
    x = centres[truth] + random.normal(size=(records, len(shares)))
    return truth, -((x[:, None] - centres) ** 2).sum(2) / 2


@pytest.mark.parametrize("shares", [[0.8, 0.15, 0.05], [0.05, 0.05, 0.9], [1 / 3, 1 / 3, 1 / 3]])
def test_a_known_shift_is_found(shares):
    _, evidence = simulated(shares)
    np.testing.assert_allclose(class_shares.estimated(evidence, EVEN), shares, atol=0.015)


def test_two_classes_and_three_records_by_hand():
    """With likelihoods 4:1, 4:1 and 1:4, 2 * 3 / (1 + 3 p) = 3 / (4 - 3 p) where p is best: 7/9."""
    evidence = np.log([[4, 1], [4, 1], [1, 4]])
    found = class_shares.estimated(evidence, np.array([0.5, 0.5]))
    np.testing.assert_allclose(found, [7 / 9, 2 / 9], atol=1e-5)


def test_the_shares_are_those_of_greatest_likelihood():
    _, evidence = simulated([0.6, 0.3, 0.1], records=300)

    def loss(free):
        shares = np.exp([*free, 0.0]) / np.exp([*free, 0.0]).sum()
        return -np.log((np.exp(evidence - evidence.max(1, keepdims=True)) * shares).sum(1)).mean()

    best = np.exp([*optimize.minimize(loss, [0.0, 0.0]).x, 0.0])
    found = class_shares.estimated(evidence, EVEN)
    np.testing.assert_allclose(found, best / best.sum(), atol=2e-4)


def test_the_start_and_a_constant_in_a_record_do_not_matter():
    _, evidence = simulated([0.6, 0.3, 0.1], records=500)
    found = class_shares.estimated(evidence, EVEN)
    again = class_shares.estimated(evidence + np.arange(500)[:, None], np.array([0.1, 0.1, 0.8]))
    np.testing.assert_allclose(found, again, atol=1e-3)


def test_the_shares_make_predictions_better_where_classes_have_shifted():
    truth, evidence = simulated([0.9, 0.05, 0.05])
    shares = class_shares.estimated(evidence, EVEN)
    before, after = ((evidence + np.log(prior)).argmax(1) == truth for prior in (EVEN, shares))
    assert after.mean() > before.mean() + 0.05


def test_evidence_of_nothing_keeps_the_start():
    found = class_shares.estimated(np.zeros((4, 3)), np.array([0.2, 0.3, 0.5]))
    np.testing.assert_allclose(found, [0.2, 0.3, 0.5])


def test_no_records_have_no_shares():
    with pytest.raises(ValueError, match="no records"):
        class_shares.estimated(np.zeros((0, 3)), EVEN)
