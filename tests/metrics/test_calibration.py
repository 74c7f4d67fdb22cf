import numpy as np
import pytest
from sklearn import metrics as sk

from emocli.metrics import calibration as ours


def draw(seed, records=300, classes=7):
    random = np.random.default_rng(seed)
    return random.integers(classes, size=records), random.dirichlet(np.ones(classes), size=records)


def expected_ece(confidence, correct):
    """The sum over bins of |B| / n |accuracy - confidence|, bin by bin as the paper writes it."""
    total = 0.0
    for m in range(1, 16):
        inside = [(m - 1) / 15 < c <= m / 15 or (m == 1 and c == 0) for c in confidence]
        if any(inside):
            gap = np.mean(correct[inside]) - np.mean(confidence[inside])
            total += sum(inside) / len(confidence) * abs(gap)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_log_loss_and_brier_are_scikit_learns(seed):
    truth, probabilities = draw(seed)
    assert ours.log_loss(truth, probabilities) == pytest.approx(
        sk.log_loss(truth, probabilities, labels=range(7))
    )
    assert ours.brier(truth, probabilities) == pytest.approx(
        sk.brier_score_loss(truth, probabilities, labels=range(7), scale_by_half=False)
    )


def test_certain_and_wrong_costs_36_nats_and_not_infinity():
    wrong = np.array([[0.0, 1.0]])
    assert ours.log_loss(np.array([0]), wrong) == pytest.approx(52 * np.log(2))  # eps is 2^-52
    assert ours.brier(np.array([0]), wrong) == 2.0


@pytest.mark.parametrize("seed", range(5))
def test_ece_follows_the_paper(seed):
    truth, probabilities = draw(seed)
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == truth
    assert ours.ece(confidence, correct) == pytest.approx(expected_ece(confidence, correct))


def test_bins_are_closed_at_the_right():
    edges = np.arange(16) / 15
    assert ours.bins(edges).tolist() == [0, *range(15)]
    assert ours.bins(np.nextafter(edges[:-1], 1)).tolist() == list(range(15))


def test_ece_by_hand():
    # 0.9 and 0.9 share a bin: one right, gap |0.5 - 0.9|; 0.5 has another: right, gap 0.5
    confidence, correct = np.array([0.9, 0.9, 0.5]), np.array([True, False, True])
    assert ours.ece(confidence, correct) == pytest.approx((2 * 0.4 + 1 * 0.5) / 3)


@pytest.mark.parametrize("seed", range(3))
def test_the_bins_of_a_reliability_diagram_are_those_of_the_ece(seed):
    truth, probabilities = draw(seed, records=40)
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == truth
    counts, means, shares = ours.reliability(confidence, correct)
    for m in range(15):
        inside = (m / 15 < confidence) & (confidence <= (m + 1) / 15)
        assert counts[m] == inside.sum()
        if inside.any():
            assert means[m] == pytest.approx(confidence[inside].mean())
            assert shares[m] == pytest.approx(correct[inside].mean())
        else:
            assert np.isnan([means[m], shares[m]]).all()
    gaps = np.nansum(counts * np.abs(shares - means)) / len(truth)
    assert gaps == pytest.approx(expected_ece(confidence, correct))


def test_bins_of_nothing_and_of_unequal_lengths():
    counts, means, shares = ours.reliability(np.empty(0), np.empty(0, bool))
    assert counts.tolist() == [0] * 15
    assert np.isnan([means, shares]).all()
    with pytest.raises(ValueError, match="lengths differ: 2 != 1"):
        ours.reliability(np.array([0.5, 0.6]), np.array([True]))


def test_a_confidence_outside_0_to_1_raises():
    with pytest.raises(ValueError, match=r"1\.5"):
        ours.ece(np.array([0.1, 1.5]), np.array([True, False]))


@pytest.mark.parametrize("seed", range(3))
def test_adaptive_bins_hold_equally_many_of_the_sorted_confidences(seed):
    truth, probabilities = draw(seed, records=15 * 20)
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == truth
    order = np.argsort(confidence)
    parts = zip(np.split(confidence[order], 15), np.split(correct[order], 15), strict=True)
    expected = np.mean([abs(hits.mean() - part.mean()) for part, hits in parts])
    assert ours.adaptive_ece(confidence, correct) == pytest.approx(expected)
    counts, _, _ = ours.reliability(confidence, correct, ours.adaptive_edges(confidence))
    assert counts.tolist() == [20] * 15


def test_adaptive_bins_of_an_uneven_number_differ_by_one():
    confidence = np.random.default_rng(0).random(100)
    counts = np.bincount(ours.bins(confidence, ours.adaptive_edges(confidence, 7)), minlength=7)
    assert set(counts) == {14, 15}
    assert counts.sum() == 100


def test_equal_confidences_share_an_adaptive_bin():
    confidence, correct = np.full(40, 0.8), np.arange(40) % 4 > 0
    assert ours.adaptive_ece(confidence, correct) == pytest.approx(0.05)
    assert ours.adaptive_edges(np.zeros(0)).shape == (14,)


def test_other_numbers_of_bins_are_other_edges():
    confidence, correct = np.array([0.55, 0.95, 0.75]), np.array([True, False, True])
    halves = ours.ece(confidence, correct, np.array([0.5]))  # all in one
    assert halves == pytest.approx(abs(2 / 3 - 0.75))
