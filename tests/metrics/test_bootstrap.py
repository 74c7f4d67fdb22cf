import numpy as np
import pytest
from scipy import stats

from emocli.metrics import bootstrap


def intervals_of_means(values, labels, resamples=2000, seed=0):
    numbers, count = bootstrap.clusters(np.asarray(labels), seed)
    ones = np.ones(len(values))
    sums = np.stack([np.bincount(numbers, w, count) for w in (values, ones)], 1)
    rows = np.concatenate(list(bootstrap.resampled(sums, resamples, seed)))
    assert rows.shape == (resamples, 2)
    return bootstrap.interval(rows[:, 0] / rows[:, 1])


def test_of_a_mean_it_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(1).exponential(size=300)
    ours = intervals_of_means(values, np.arange(300), resamples=20000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    # both are Monte Carlo: the standard error of a percentile of 20,000 is near 0.001 here
    np.testing.assert_allclose(ours, theirs, atol=0.006)


def test_clusters_that_agree_in_themselves_widen_the_interval():
    speakers = np.repeat(np.arange(20), 50)
    values = np.random.default_rng(3).normal(size=20)[speakers]
    low, high = intervals_of_means(values, speakers)
    close = intervals_of_means(values, np.arange(1000))
    # fifty copies of each: the standard error is sqrt(50) times that of a thousand records
    assert (high - low) / (close[1] - close[0]) == pytest.approx(np.sqrt(50), rel=0.1)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    held = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=60)
        low, high = intervals_of_means(values, np.arange(60), resamples=400, seed=seed)
        held += low <= 0 <= high
    assert 180 <= held <= 198  # 190 expected; three standard deviations are 9


def test_many_clusters_are_grouped_and_the_width_stays():
    count = 4 * bootstrap.MOST
    values = np.random.default_rng(4).normal(size=count)
    numbers, groups = bootstrap.clusters(np.arange(count), 0)
    assert groups == bootstrap.MOST
    assert set(np.bincount(numbers)) == {4}
    low, high = intervals_of_means(values, np.arange(count), resamples=1000)
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(count), rel=0.12)


def test_the_same_seed_gives_the_same_interval_and_another_another():
    values = np.random.default_rng(5).normal(size=50)
    first = intervals_of_means(values, np.arange(50), resamples=100)
    assert first == intervals_of_means(values, np.arange(50), resamples=100)
    assert first != intervals_of_means(values, np.arange(50), resamples=100, seed=1)


def test_undefined_resamples_are_left_out_and_nothing_gives_nan():
    assert bootstrap.interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert np.isnan(bootstrap.interval(np.array([np.nan]))).all()


def test_blocks_do_not_change_the_result(monkeypatch):
    sums = np.random.default_rng(6).normal(size=(30, 3))
    joined = np.concatenate(list(bootstrap.resampled(sums, 100, 0)))
    monkeypatch.setattr(bootstrap, "CELLS", 30 * 7)
    np.testing.assert_allclose(np.concatenate(list(bootstrap.resampled(sums, 100, 0))), joined)
