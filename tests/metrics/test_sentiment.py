"""MMSA's own figures on fixed numbers, and scikit-learn on drawn ones."""

import numpy as np
import pytest
from sklearn import metrics as sk

from emocli.metrics import sentiment as ours

# Both pairs with the figures that MMSA's functions returned for them, to four digits; acc3 of
# MOSI, and acc2_weak and r2 of SIMS, it does not return: those are by hand.
MOSI = (
    [3, -2.4, 0, 0.5, -0.6, 1.5, -1.5, 2.6, 0, -3],
    [3.4, -1.6, 0.2, -0.2, -0.4, 2.5, -0.5, 2.4, -0.3, -2.2],
)
SIMS = (
    [1, -0.8, 0, 0.2, -0.2, 0.4, -0.4, 0.6, -0.6, 0],
    [1.2, -0.6, 0.1, 0.1, -0.3, -0.1, -0.1, 0.8, -0.9, -0.2],
)


def test_mosi_as_mmsa_computes_it():
    assert ours.mosi(*map(np.array, MOSI)) == pytest.approx(
        {
            "mae": 0.56, "corr": 0.9558, "acc7": 0.6, "acc5": 0.8, "acc3": 0.8,
            "acc2_has0": 0.8, "f1_has0": 0.8, "acc2_non0": 0.875, "f1_non0": 0.8730,
        },
        abs=5e-5,
    )  # fmt: skip


def test_sims_as_mmsa_computes_it():
    assert ours.sims(*map(np.array, SIMS)) == pytest.approx(
        {
            "mae": 0.2, "corr": 0.9023, "acc5": 0.4, "acc3": 0.7, "acc2": 0.8, "f1": 0.8,
            "acc2_weak": 0.6667, "r2": 0.7896,
        },
        abs=5e-5,
    )  # fmt: skip


def draw(seed, records, width):
    random = np.random.default_rng(seed)
    truth = np.round(random.uniform(-width, width, records) * 5) / 5  # steps of 0.2, with zeros
    return truth, truth + random.normal(scale=0.4 * width, size=records)


@pytest.mark.parametrize("seed", range(4))
def test_mosi_against_scikit_learn(seed):
    y, p = draw(seed, 150, 3)
    got = ours.mosi(y, p)
    weighted = {"average": "weighted"}
    assert got["f1_has0"] == pytest.approx(sk.f1_score(y >= 0, p >= 0, **weighted))
    some = y != 0
    assert got["acc2_non0"] == pytest.approx(sk.accuracy_score(y[some] > 0, p[some] > 0))
    assert got["f1_non0"] == pytest.approx(sk.f1_score(y[some] > 0, p[some] > 0, **weighted))
    assert got["corr"] == pytest.approx(np.corrcoef(y, p)[0, 1])
    seven = [[round(min(max(float(v), -3), 3)) for v in x] for x in (y, p)]  # half to even too
    assert got["acc7"] == pytest.approx(sk.accuracy_score(*seven))


@pytest.mark.parametrize("seed", range(4))
def test_sims_against_scikit_learn(seed):
    y, p = draw(seed, 150, 1)
    got, cut = ours.sims(y, p), np.clip(p, -1, 1)
    assert got["mae"] == pytest.approx(sk.mean_absolute_error(y, cut))
    assert got["r2"] == pytest.approx(sk.r2_score(y, cut))
    assert got["f1"] == pytest.approx(sk.f1_score(y > 0, cut > 0, average="weighted"))
    bounds = (-1.01, -0.7, -0.1, 0.1, 0.7, 1.01)
    five = [[sum(v > b for b in bounds) for v in np.float32(x)] for x in (y, cut)]
    assert got["acc5"] == pytest.approx(sk.accuracy_score(*five))


def test_halves_are_rounded_to_even():
    # 0.5 is 0, 1.5 and 2.5 are 2: the first and the last are right
    got = ours.mosi(np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.5, 2.5]))
    assert got["acc7"] == pytest.approx(2 / 3)


def test_zero_is_not_negative_in_mosi_and_negative_in_sims():
    y, p = np.array([0.0, 0.0, 1.0]), np.array([0.1, -0.1, 0.0])
    assert ours.mosi(y, p)["acc2_has0"] == pytest.approx(2 / 3)
    assert ours.mosi(y, p)["acc2_non0"] == 0.0
    assert ours.sims(y, p)["acc2"] == pytest.approx(1 / 3)


def test_edges_are_compared_in_float32():
    # in float64 the second is above 0.1
    got = ours.sims(np.array([0.1, 0.1]), np.array([0.1, np.nextafter(0.1, 1)]))
    assert got["acc3"] == 1.0


def test_mosi_is_not_clipped_and_sims_is():
    y, p = np.array([3.0, -3.0]), np.array([5.0, -5.0])
    assert ours.mosi(y, p)["mae"] == 2.0
    assert ours.sims(y, p)["mae"] == 0.0


@pytest.mark.parametrize("metrics", [ours.mosi, ours.sims])
def test_promises_of_every_metric(metrics):
    y, p = draw(9, 60, 1)
    order = np.random.default_rng(1).permutation(60)
    assert metrics(y[order], p[order]) == pytest.approx(metrics(y, p), rel=1e-12)
    best = dict.fromkeys(metrics(y, p), 1.0) | {"mae": 0.0}
    assert metrics(y, y) == pytest.approx(best)
    with pytest.raises(ValueError, match=r"60.*59"):
        metrics(y, p[:59])
    with pytest.raises(ValueError, match="prediction 0 is not finite: inf"):
        metrics(np.zeros(1), np.array([np.inf]))
    assert np.isnan([*metrics(np.zeros(0), np.zeros(0)).values()]).all()


@pytest.mark.parametrize("name", ["mosi", "sims"])
def test_sums_over_clusters_give_the_figures_of_resampled_records(name):
    y, p = draw(10, 60, 1)
    clusters, weights = np.arange(60) % 4, np.array([2, 0, 1, 3])
    total = weights @ getattr(ours, f"{name}_sums")(y, p, clusters, 4)
    rows = np.repeat(np.arange(60), weights[clusters])
    got = getattr(ours, f"{name}_figures")(total)
    assert got == pytest.approx(getattr(ours, name)(y[rows], p[rows]))


def test_without_a_record_that_is_not_zero_non0_is_undefined():
    got = ours.mosi(np.zeros(3), np.array([0.1, 0.0, -0.1]))
    assert np.isnan([got["acc2_non0"], got["f1_non0"], got["corr"]]).all()
    assert got["acc2_has0"] == pytest.approx(2 / 3)
