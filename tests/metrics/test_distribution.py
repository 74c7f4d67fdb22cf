"""Against scipy and scikit-learn, by hand, and by what must hold of any two distributions."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance
from sklearn import metrics as sk

from emocli.metrics import determination
from emocli.metrics import distribution as ours


def draw(seed, records=200, classes=6, sharp=0.3):
    random = np.random.default_rng(seed)
    return tuple(random.dirichlet(np.full(classes, sharp), size=records) for _ in range(2))


def draw_votes(seed, records=200, classes=6, raters=5):
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.ones(classes), size=records)
    return tuple(random.multinomial(raters, p) / raters for _ in range(2))  # with many zeros


@pytest.mark.parametrize("drawn", [draw, draw_votes])
@pytest.mark.parametrize("seed", range(4))
def test_scipy_says_the_same_of_every_record(drawn, seed):
    p, q = drawn(seed)
    rows = list(zip(p, q, strict=True))
    theirs = [distance.jensenshannon(a, b, base=2) ** 2 for a, b in rows]
    np.testing.assert_allclose(ours.each(p, q)["jsd_bits"], theirs, atol=1e-12)
    theirs = [distance.jensenshannon(a, b) ** 2 for a, b in rows]
    np.testing.assert_allclose(ours.divergences(p, q), theirs, atol=1e-12)
    # the root of a divergence that is rounding (1e-16) is 1e-8
    theirs = [distance.jensenshannon(a, b) for a, b in rows]
    np.testing.assert_allclose(ours.each(p, q)["js_distance"], theirs, atol=2e-8)
    cosine = [1 - distance.cosine(a, b) for a, b in rows]
    np.testing.assert_allclose(ours.cosines(p, q), cosine, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_kl_is_scipys_where_no_predicted_share_is_zero(seed):
    p, _ = draw_votes(seed)
    _, q = draw(seed, sharp=1.0)
    theirs = [stats.entropy(a, b) for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(ours.divergences_kl(p, q), theirs, rtol=1e-10)


def test_kl_of_what_was_thought_impossible_is_36_nats_and_not_infinity():
    assert ours.kl(np.eye(2)[[0]], np.eye(2)[[1]]) == pytest.approx(52 * np.log(2))  # eps is 2^-52


@pytest.mark.parametrize("seed", range(4))
def test_r2_per_emotion_is_the_mean_of_scikit_learns(seed):
    p, q = draw(seed)
    p[:, -1] = 0  # a label that no rater ever gave, predicted and not
    assert ours.r2_per_emotion(p, q) == pytest.approx(sk.r2_score(p, q))
    q[:, -1] = 0
    assert ours.r2_per_emotion(p, q) == pytest.approx(sk.r2_score(p, q))


def test_r2_per_record_is_the_squared_correlation_but_for_its_guard():
    p, q = draw(3, sharp=1.0)
    theirs = [np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(p, q, strict=True)]
    # the variances are near 0.02, so the guard takes about 1e-10 / 4e-4
    np.testing.assert_allclose(ours.squared_correlations(p, q), theirs, rtol=1e-4)


def test_the_two_r2_differ():
    even, p = np.full((40, 4), 0.25), draw(1, 40, 4)[0]
    assert ours.r2_per_record(p, even) == 0
    assert ours.r2_per_emotion(p, even) < 0.01
    assert ours.r2_per_record(p, (p + even) / 2) == pytest.approx(1, abs=1e-3)
    assert ours.r2_per_emotion(p, (p + even) / 2) < 0.9


@pytest.mark.parametrize("drawn", [draw, draw_votes])
@pytest.mark.parametrize("classes", [2, 4, 8])
def test_jsd_in_nats_then_one_minus_bc_then_jsd_in_bits(drawn, classes):
    p, q = drawn(classes, records=20_000, classes=classes)
    values = ours.each(p, q)
    gap = 1 - values["bhattacharyya"]
    assert (values["jsd_nats"] <= gap + 1e-12).all()
    assert (gap <= values["jsd_bits"] + 1e-12).all()
    assert (values["jsd_nats"] < gap - 1e-3).any()  # so the test can tell nats from bits
    assert (gap < values["jsd_bits"] - 1e-3).any()


def test_by_hand():
    p, q = np.array([[0.5, 0.5, 0.0]]), np.array([[0.5, 0.0, 0.5]])
    # m = (1/2, 1/4, 1/4): KL to it is 1/2 log 1 + 1/2 log 2 either way
    assert ours.jsd_bits(p, q) == pytest.approx(0.5)
    assert ours.jsd_nats(p, q) == pytest.approx(0.5 * np.log(2))
    assert ours.js_distance(p, q) == pytest.approx(np.sqrt(0.5 * np.log(2)))
    assert ours.bhattacharyya(p, q) == pytest.approx(0.5)
    assert ours.cosine(p, q) == pytest.approx(0.5)
    assert ours.r2_per_record(p, q) == pytest.approx(0.25)
    assert ours.soft_accuracy(p, q) == pytest.approx(0.25)  # of two labels alike, the mean


def test_soft_accuracy_is_at_best_the_largest_share():
    p, q = np.array([[0.6, 0.4], [0.5, 0.5]]), np.array([[0.9, 0.1], [0.9, 0.1]])
    assert ours.soft_accuracy(p, q) == pytest.approx((0.6 + 0.5) / 2)
    assert ours.soft_accuracy(p, 1 - q) == pytest.approx((0.4 + 0.5) / 2)


def test_opposite_certainties_are_as_far_apart_as_can_be():
    p, q = np.eye(3)[[0]], np.eye(3)[[1]]
    assert (ours.jsd_bits(p, q), ours.bhattacharyya(p, q), ours.cosine(p, q)) == (1.0, 0.0, 0.0)
    assert ours.jsd_nats(p, q) == pytest.approx(np.log(2))


def test_equal_rows_are_at_no_distance_to_the_last_bit():
    p, _ = draw(5, records=5000)
    assert ours.js_distance(p, p) == 0.0


def test_blocks_do_not_change_the_result(monkeypatch):
    p, q = draw(6, records=100)
    all_rows = ours.divergences(p, q)
    monkeypatch.setattr(ours, "ROWS", 7)
    np.testing.assert_array_equal(ours.divergences(p, q), all_rows)


def test_means_are_those_of_the_values_per_record():
    p, q = draw(7)
    for name, values in ours.each(p, q).items():
        assert getattr(ours, name)(p, q) == values.mean()
    assert {*ours.each(p, q), "r2_per_emotion"} == set(ours.__all__)


def test_sums_over_clusters_give_the_r2_of_resampled_records():
    p, q = draw(8, records=60)
    clusters = np.random.default_rng(9).integers(6, size=60)
    weights = np.array([2, 0, 1, 1, 0, 3])
    rows = np.repeat(np.arange(60), weights[clusters])
    total = weights @ determination.r2_sums(p, q, clusters, 6)
    assert determination.r2_of(total) == pytest.approx(ours.r2_per_emotion(p[rows], q[rows]))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, -0.1, 0.6], r"truth 1 is negative: \[0\.5, -0\.1, 0\.6\]"),
        ([0.0, 0.0, 0.0], "truth 1 adds to zero"),
        ([0.5, 0.3, 0.1], "truth 1 does not add to 1"),
        ([np.nan, 0.5, 0.5], "truth 1 is not finite"),
        ([np.inf, 0.5, 0.5], "truth 1 is not finite"),
    ],
)
def test_a_row_that_is_no_distribution_is_named(row, message):
    with pytest.raises(ValueError, match=message):
        ours.distributions(np.array([[1.0, 0.0, 0.0], row, [0.5, 0.5, -0.0]]), "truth")


def test_rounded_rows_are_scaled_to_one():
    rows = ours.distributions(np.array([[0.333, 0.333, 0.333]]))
    np.testing.assert_allclose(rows, 1 / 3)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        ours.distributions(np.array([1.0, 0.0, 0.0]))
