import math
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.spatial.distance import jensenshannon

from emocli.metrics import alignment as ours

N = np.arange(1, 21)


def test_divergences_are_means_over_all_ways_to_draw():
    truth = np.array([[0.5, 0.3, 0.2]])
    counts = np.array([[3, 1, 2]])
    votes = np.repeat(np.arange(3), counts[0])
    expected = [
        np.mean(
            [
                jensenshannon(truth[0], np.bincount(chosen, minlength=3) / n, base=2) ** 2
                for chosen in combinations(votes, n)
            ]
        )
        for n in range(1, 7)
    ]
    many = np.repeat(counts, 3000, axis=0)
    curve = ours.by_votes(np.repeat(truth, 3000, axis=0), many, 6, seed=0).mean(0)
    np.testing.assert_allclose(curve[:5], expected[:5], atol=0.003)  # by chance: 15,000 draws
    assert curve[5] == pytest.approx(expected[5], rel=1e-12)  # all votes: one way only


def test_records_may_have_more_votes_than_are_drawn_and_never_fewer():
    truth = np.array([[1.0, 0.0], [0.5, 0.5]])
    curve = ours.by_votes(truth, np.array([[9, 0], [1, 1]]), 2, seed=0)
    np.testing.assert_allclose(curve[0], 0, atol=1e-12)
    assert curve[1, 1] == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match=r"votes 1 are fewer than 3: \[1, 1\]"):
        ours.by_votes(truth, np.array([[9, 0], [1, 1]]), 3, seed=0)


def test_no_record_has_no_divergence():
    assert ours.by_votes(np.zeros((0, 3)), np.zeros((0, 3), int), 4, seed=0).shape == (0, 4)


@pytest.mark.parametrize(("b", "c"), [(0.1, 0.3), (0.05, 0.1), (0.3, 1.2)])
def test_a_curve_without_noise_is_found(b, c):
    divergences = 0.35 + b * np.exp(-c * N)
    fit = ours.saturation(divergences)
    assert fit.b == pytest.approx(b, rel=1e-6)
    assert fit.c == pytest.approx(c, rel=1e-6)
    np.testing.assert_allclose(fit.gains(N), divergences.max() - divergences, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_curve_is_fitted_as_scipy_fits_it(seed):
    random = np.random.default_rng(seed)
    divergences = 0.36 + 0.09 * np.exp(-0.35 * N) + random.normal(scale=0.001, size=20)
    gained = divergences.max() - divergences
    expected, _ = curve_fit(
        lambda n, a, b, c: a - b * np.exp(-c * n), N, gained, p0=(0.1, 0.1, 0.3), xtol=1e-12
    )
    fit = ours.saturation(divergences)
    np.testing.assert_allclose([fit.a, fit.b, fit.c], expected, rtol=1e-4)


def test_the_curve_is_saturated_where_a_tenth_of_its_range_is_left():
    for c in (0.2, 0.5, 2.3):
        fit = ours.Saturation(0.1, 0.1, c)
        left = 0.1 - fit.gains(np.arange(1, 60))
        first = int(np.argmax(left <= 0.1 * left[0])) + 1
        assert fit.votes == first
    assert ours.Saturation(0.1, -0.1, 0.5).votes is None  # it falls
    assert ours.saturation(np.full(20, 0.3)).votes is None
    assert math.isnan(ours.saturation(np.array([0.3, 0.2, 0.1])).c)  # three points, three unknowns


def test_more_votes_of_the_truth_come_nearer_to_it():
    random = np.random.default_rng(5)
    truth = random.dirichlet([0.8] * 4, size=400)
    means = ours.by_votes(truth, random.multinomial(20, truth), 20, seed=1).mean(0)
    assert (np.diff(means) < 0).all()
    # The mean of n votes from p itself misses it by (classes - 1) / (8 n ln 2) bits, where n is
    # large; here at least by half of that, as shares near zero are hit more often.
    assert 0.5 < means[19] / (3 / (8 * 20 * math.log(2))) < 1.5


def test_thirds_are_by_rank():
    ambiguity = np.array([0.9, 0.0, 0.5, 0.0, 0.0, 1.0, 0.4])
    assert ours.thirds(ambiguity).tolist() == [2, 0, 2, 0, 1, 2, 1]
    for count in range(20):  # as published: n // 3, n // 3, the rest
        sizes = np.bincount(ours.thirds(np.arange(count)[::-1]), minlength=3).tolist()
        assert sizes == [count // 3, count // 3, count - 2 * (count // 3)]
    assert np.bincount(ours.thirds(np.zeros(9))).tolist() == [3, 3, 3]
    assert ours.thirds(np.zeros(0)).tolist() == []
