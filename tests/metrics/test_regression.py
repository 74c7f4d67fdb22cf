import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from emocli.metrics import regression as ours


def draw(seed, records=200, offset=0.0):
    random = np.random.default_rng(seed)
    truth = random.normal(size=records) + offset
    return truth, 0.7 * truth + random.normal(scale=0.5, size=records) + 0.2


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e6])
@pytest.mark.parametrize("seed", range(3))
def test_scipy_scikit_learn_and_the_formula_say_the_same(seed, offset):
    y, p = draw(seed, offset=offset)
    assert ours.pearson(y, p) == pytest.approx(stats.pearsonr(y, p).statistic)
    assert ours.mae(y, p) == pytest.approx(sk.mean_absolute_error(y, p))
    assert ours.rmse(y, p) == pytest.approx(sk.root_mean_squared_error(y, p))
    both = np.mean((y - y.mean()) * (p - p.mean()))
    formula = 2 * both / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)
    assert ours.ccc(y, p) == pytest.approx(formula)


def test_ccc_by_hand():
    # means 2 and 3, biased variances 2/3 and 2/3, covariance 2/3: 4/3 over 4/3 + 1
    assert ours.ccc(np.array([1, 2, 3]), np.array([2, 3, 4])) == pytest.approx(4 / 7)
    assert ours.ccc(np.array([1, 2, 3]), np.array([3, 2, 1])) == pytest.approx(-1)


def test_an_offset_costs_ccc_and_not_pearson():
    y, _ = draw(1)
    assert ours.pearson(y, y + 1) == pytest.approx(1)
    assert ours.ccc(y, y + 1) < 0.8


def test_what_never_changes_has_no_correlation():
    y, flat = draw(2)[0], np.full(200, 0.1)
    assert np.isnan(ours.pearson(y, flat))
    assert np.isnan(ours.pearson(flat, y))
    assert ours.ccc(y, flat) == ours.ccc(flat, y) == 0
    assert np.isnan(ours.ccc(flat, flat))
    assert ours.mae(flat, flat) == 0
    assert ours.ccc(flat, flat + 1) == 0


def test_a_small_spread_far_from_zero_is_not_lost():
    y = np.random.default_rng(3).normal(size=100)
    far = 1e6 + 1e-3 * y
    assert ours.pearson(y, far) == pytest.approx(1, abs=1e-6)
    assert ours.pearson(far, y) == pytest.approx(1, abs=1e-6)


def test_sums_over_clusters_give_the_figures_of_resampled_records():
    y, p = draw(4, 60)
    clusters = np.random.default_rng(5).integers(4, size=60)
    weights = np.array([[2, 0, 1, 1], [1, 1, 1, 1]])
    got = ours.figures(weights @ ours.sums(y, p, clusters, 4))
    assert set(got) == set(ours.__all__)
    for draw_number, counts in enumerate(weights):
        rows = np.repeat(np.arange(60), counts[clusters])
        for name, values in got.items():
            assert values[draw_number] == pytest.approx(getattr(ours, name)(y[rows], p[rows]))


def test_what_is_not_finite_is_named():
    with pytest.raises(ValueError, match="prediction 1 is not finite: nan"):
        ours.ccc(np.array([1.0, 2.0]), np.array([1.0, np.nan]))
