import numpy as np
import pytest

from emocli.metrics import distribution
from emocli.metrics import pooling as ours

HUMAN = np.array([[2, 1, 0], [0, 0, 3], [0, 0, 0], [0, 0, 0]])
SYNTHETIC = np.array([[0, 2, 2], [4, 0, 0], [1, 3, 0], [0, 0, 0]])


def test_a_weight_of_one_is_the_votes_together_and_none_is_people_alone():
    together = ours.pooled(HUMAN, SYNTHETIC, 1.0)
    np.testing.assert_allclose(together[0], np.array([2, 3, 2]) / 7)
    np.testing.assert_allclose(together[1], np.array([4, 0, 3]) / 7)
    np.testing.assert_allclose(ours.pooled(HUMAN, SYNTHETIC, 0.0)[0], [2 / 3, 1 / 3, 0])


def test_shares_are_weighed_as_the_formula_says():
    n_h, n_s, w = 3, 4, 0.3
    p_h, p_s = HUMAN[0] / n_h, SYNTHETIC[0] / n_s
    expected = (n_h * p_h + w * n_s * p_s) / (n_h + w * n_s)
    np.testing.assert_allclose(ours.pooled(HUMAN, SYNTHETIC, w)[0], expected)


def test_where_nobody_voted_there_is_no_distribution():
    assert np.isnan(ours.pooled(HUMAN, SYNTHETIC, 1.0)[3]).all()
    assert np.isnan(ours.pooled(HUMAN, SYNTHETIC, 0.0)[2]).all()


def one_by_one(human, synthetic, weight):
    """Each person's vote left out in turn."""
    losses = []
    for n, s in zip(human, synthetic, strict=True):
        if n.sum() < 2:
            continue
        for vote in np.repeat(np.arange(len(n)), n):
            others = n.astype(float)
            others[vote] -= 1
            if others[vote] + s[vote] == 0:
                continue  # nobody else has said so
            votes = others + weight * s
            losses.append(-np.log(votes[vote] / votes.sum()))
    return np.mean(losses)


@pytest.mark.parametrize("weight", [0.02, 0.2, 1.0, 5.0])
def test_the_loss_is_that_of_votes_left_out_one_by_one(weight):
    random = np.random.default_rng(0)
    human = random.multinomial(random.integers(0, 7, 40), [0.5, 0.3, 0.1, 0.1])
    synthetic = random.multinomial(8, [0.25] * 4, size=40)
    expected = one_by_one(human, synthetic, weight)
    assert ours.held_out_loss(human, synthetic, weight) == pytest.approx(expected, rel=1e-12)


def simulated(raters, proxies_of, seed, records=600):
    """Votes of raters and proxies, and the distribution that the raters came from."""
    random = np.random.default_rng(seed)
    truth = random.dirichlet([0.6] * 5, size=records)
    proxies = proxies_of(truth, random)
    return truth, random.multinomial(raters, truth), random.multinomial(8, proxies)


@pytest.mark.parametrize("raters", [2, 3, 10])
def test_proxies_that_are_as_good_as_people_count_as_much(raters):
    truth, human, synthetic = simulated(raters, lambda truth, _: truth, 1, records=8000)
    weight = ours.best_weight(human, synthetic)
    assert 0.75 <= weight <= 1
    pooled = ours.pooled(human, synthetic, weight)
    assert distribution.jsd_bits(truth, pooled) < 0.75 * distribution.jsd_bits(
        truth, human / raters
    )


def test_a_vote_that_only_annotators_foretell_is_against_a_weight_of_zero():
    assert np.isinf(ours.held_out_loss(np.array([[1, 1]]), np.array([[1, 0]]), 0.0))
    assert ours.best_weight(np.array([[1, 1]]), np.array([[1, 0]])) > 0


def test_proxies_that_say_what_most_would_say_count_for_less_than_people():
    def sharp(truth, _):
        return np.eye(5)[truth.argmax(1)]

    truth, human, synthetic = simulated(3, sharp, seed=4)
    weight = ours.best_weight(human, synthetic)
    assert 0.1 < weight < 0.6
    pooled = ours.pooled(human, synthetic, weight)
    assert distribution.jsd_bits(truth, pooled) < distribution.jsd_bits(truth, human / 3)


def test_proxies_that_know_nothing_count_for_little():
    def shuffled(truth, random):
        return random.permutation(truth)

    _, human, synthetic = simulated(5, shuffled, seed=2)
    assert ours.best_weight(human, synthetic) < 0.2


def test_the_weight_chosen_without_the_truth_is_near_the_best_one():
    def biased(truth, _):
        return 0.5 * truth**2 / (truth**2).sum(1, keepdims=True) + 0.5 * np.roll(truth, 1, axis=1)

    truth, human, synthetic = simulated(5, biased, seed=3)

    def error(weight):
        return distribution.jsd_bits(truth, ours.pooled(human, synthetic, weight))

    chosen = error(ours.best_weight(human, synthetic))
    assert chosen <= 1.05 * min(error(w) for w in ours.WEIGHTS)
    assert chosen < min(error(0.0), error(1.0))


def test_without_two_people_on_a_record_there_is_nothing_to_choose_by():
    assert np.isnan(ours.best_weight(np.eye(3), np.eye(3)))
    assert np.isnan(ours.best_weight(2 * np.eye(3), np.zeros((3, 3))))
    assert np.isnan(ours.held_out_loss(np.eye(3), np.eye(3), 1.0))
