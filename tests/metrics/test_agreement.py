import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import confusion_matrix

from emocli.metrics import agreement as ours

# Fleiss's kind of table: ten subjects, fourteen raters, five categories; kappa 0.210 by hand in
# https://en.wikipedia.org/wiki/Fleiss%27_kappa
WORKED = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_the_worked_example():
    votes = np.array(WORKED)
    assert ours.fleiss_kappa(votes) == pytest.approx(0.210, abs=5e-4)
    np.testing.assert_allclose(ours.pair_agreements(votes)[:3], [1.0, 0.253, 0.308], atol=5e-4)


def test_of_two_raters_it_is_scotts_pi():
    random = np.random.default_rng(0)
    first = random.integers(4, size=300)
    second = np.where(random.random(300) < 0.5, first, random.integers(4, size=300))
    table = confusion_matrix(first, second) / 300
    chance = (((table.sum(0) + table.sum(1)) / 2) ** 2).sum()
    votes = np.eye(4)[first] + np.eye(4)[second]
    expected = (np.trace(table) - chance) / (1 - chance)
    assert ours.fleiss_kappa(votes) == pytest.approx(expected)


def pair_by_pair(votes):
    """The formula with its pairs counted one by one, for any number of raters."""
    agreed = []
    for row in votes:
        labels = np.repeat(np.arange(len(row)), row)
        pairs = [a == b for i, a in enumerate(labels) for b in labels[i + 1 :]]
        agreed.append(np.mean(pairs) if pairs else 1.0)
    every = np.concatenate([np.repeat(np.arange(len(row)), row) for row in votes])
    chance = sum(np.mean(every == label) ** 2 for label in range(votes.shape[1]))
    return (np.mean(agreed) - chance) / (1 - chance)


@pytest.mark.parametrize("seed", range(5))
def test_every_record_may_have_its_own_number_of_raters(seed):
    random = np.random.default_rng(seed)
    raters = random.integers(0, 9, size=50)
    votes = random.multinomial(raters, [0.5, 0.2, 0.2, 0.1])
    assert ours.fleiss_kappa(votes) == pytest.approx(pair_by_pair(votes))


def test_raters_by_chance_agree_by_chance():
    votes = np.random.default_rng(1).multinomial(10, np.full(6, 1 / 6), size=20_000)
    assert ours.fleiss_kappa(votes) == pytest.approx(0, abs=0.005)


def test_extremes():
    assert ours.fleiss_kappa(np.array([[5, 0], [0, 5]])) == 1.0
    assert ours.fleiss_kappa(np.array([[5, 0], [3, 0]])) == 1.0  # one class alone
    assert np.isnan(ours.fleiss_kappa(np.array([[1, 0], [0, 1]])))  # a rater each: no pair
    assert ours.fleiss_kappa(np.array([[2, 0], [0, 1], [0, 0]])) == 1.0
    assert ours.fleiss_kappa(np.array([[1, 1], [1, 1]])) == -1.0
    assert np.isnan(ours.fleiss_kappa(np.zeros((0, 3))))


def test_sums_over_clusters_give_the_kappa_of_resampled_records():
    votes = np.random.default_rng(2).multinomial(7, [0.6, 0.3, 0.1], size=60)
    clusters = np.random.default_rng(3).integers(5, size=60)
    weights = np.array([3, 0, 1, 1, 2])
    total = weights @ ours.kappa_sums(votes, clusters, 5)
    rows = np.repeat(np.arange(60), weights[clusters])
    assert ours.kappa_of(total) == pytest.approx(ours.fleiss_kappa(votes[rows]))


def test_entropy_of_votes_is_scipys():
    votes = np.random.default_rng(4).multinomial(9, np.full(5, 0.2), size=50)
    np.testing.assert_allclose(ours.entropies(votes), stats.entropy(votes, base=2, axis=1))


def test_relative_entropy_by_hand():
    votes = np.array([[5, 5, 0], [3, 3, 3], [7, 0, 0], [3, 1, 0]])
    quarter = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    np.testing.assert_allclose(ours.relative_entropies(votes), [1, 1, 0, quarter], atol=1e-12)
    np.testing.assert_allclose(ours.entropies(votes)[:3], [1, np.log2(3), 0])


@pytest.mark.parametrize("row", [[-1, 2], [0.5, 0.5], [np.nan, 1]])
def test_a_row_that_is_no_count_is_named(row):
    with pytest.raises(ValueError, match="votes 1 are not counts"):
        ours.fleiss_kappa(np.array([[1, 2], row]))


def test_no_vote_is_no_distribution():
    with pytest.raises(ValueError, match="votes 1 adds to zero"):
        ours.shares(np.array([[1, 2], [0, 0]]))


def test_votes_are_a_table():
    with pytest.raises(ValueError, match=r"shape \(2,\), not \(records, classes\)"):
        ours.fleiss_kappa(np.array([1, 2]))
