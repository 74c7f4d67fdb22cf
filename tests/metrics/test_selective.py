import numpy as np
import pytest

from emocli.metrics import selective as ours


def test_risk_and_coverage_by_hand():
    # falling: .9 right, .8 wrong, .8 right, .3 wrong
    confidence, correct = np.array([0.8, 0.9, 0.3, 0.8]), np.array([False, True, False, True])
    assert ours.risk_coverage(confidence, correct, (1.0, 0.75, 0.5, 0.25)) == [
        (0.3, 1.0, 0.5),
        (0.8, 0.75, pytest.approx(1 / 3)),
        (0.8, 0.75, pytest.approx(1 / 3)),  # half of the records: two of equal confidence go along
        (0.9, 0.25, 0.0),
    ]


def test_a_row_says_what_is_left_when_less_confident_answers_are_dropped():
    random = np.random.default_rng(0)
    confidence, correct = random.random(500).round(2), random.random(500) < 0.7
    for least, coverage, risk in ours.risk_coverage(confidence, correct):
        kept = confidence >= least
        assert coverage == pytest.approx(kept.mean())
        assert risk == pytest.approx(1 - correct[kept].mean())


def test_the_area_is_about_the_mean_risk_of_the_k_most_confident():
    random = np.random.default_rng(1)
    confidence = random.random(20_000)
    correct = random.random(20_000) < confidence
    wrong = ~correct[np.argsort(-confidence)]
    expected = (wrong.cumsum() / np.arange(1, 20_001)).mean()
    assert ours.aurc(confidence, correct) == pytest.approx(expected, abs=1e-3)
    assert ours.aurc(confidence, correct) == pytest.approx(0.25, abs=0.01)  # risk at c is c / 2


def test_confidence_that_knows_nothing_has_the_risk_of_all_records():
    correct = np.array([True, False, False, True, True])
    assert ours.aurc(np.full(5, 0.6), correct) == pytest.approx(0.4)


def test_nothing_has_no_risk():
    assert np.isnan(ours.aurc(np.empty(0), np.empty(0, bool)))
    assert ours.risk_coverage(np.empty(0), np.empty(0, bool)) == []
    with pytest.raises(ValueError, match="lengths differ"):
        ours.aurc(np.array([0.5, 0.6]), np.array([True]))
