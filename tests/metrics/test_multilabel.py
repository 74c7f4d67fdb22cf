import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from emocli.metrics import multilabel as ours


def draw(seed, records=60, classes=6, rate=0.3):
    random = np.random.default_rng(seed)
    truth = random.random((records, classes)) < rate
    scores = np.clip(0.4 * truth + 0.6 * random.random((records, classes)), 0, 1)
    return truth, scores.round(2)


@pytest.mark.parametrize("seed", range(8))
def test_scikit_learn_says_the_same(seed):
    truth, scores = draw(seed)
    predicted = scores >= 0.5
    how = {"zero_division": 1.0}
    expected = {
        "micro_f1": sk.f1_score(truth, predicted, average="micro"),
        "macro_f1": sk.f1_score(truth, predicted, average="macro"),
        "samples_f1": sk.f1_score(truth, predicted, average="samples", **how),
        "jaccard": sk.jaccard_score(truth, predicted, average="samples", **how),
        "exact_match": sk.accuracy_score(truth, predicted),
        "mean_average_precision": sk.average_precision_score(truth, scores, average="macro"),
    }
    got = {
        n: getattr(ours, n)(truth, scores if n.startswith("mean") else predicted) for n in expected
    }
    assert got == pytest.approx(expected)


def test_a_class_that_nobody_has_is_left_out_of_macro_f1_or_counts_as_zero():
    truth, scores = draw(0)
    truth[:, 2], scores[:, 2] = False, 0.0
    predicted = scores >= 0.5
    total = ours.sums(truth, predicted, np.zeros(60, int), 1)[0]
    rest = [c for c in range(6) if c != 2]
    some = sk.f1_score(truth[:, rest], predicted[:, rest], average="macro")
    assert ours.macro_f1(truth, predicted) == pytest.approx(some)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = sk.f1_score(truth, predicted, average="macro", zero_division=0.0)
    assert ours.figures(total, absent=0.0)["macro_f1"] == pytest.approx(every)
    assert np.isnan(ours.average_precisions(truth, scores)[2])


def test_two_empty_sets_are_alike_and_one_of_them_is_wrong():
    none, one = np.zeros((1, 3), bool), np.array([[True, False, False]])
    assert (ours.samples_f1(none, none), ours.jaccard(none, none)) == (1.0, 1.0)
    assert (ours.samples_f1(none, one), ours.exact_match(none, one)) == (0.0, 0.0)
    assert np.isnan(ours.micro_f1(none, none))


def test_by_hand():
    truth = np.array([[1, 1, 0], [0, 0, 1]], bool)
    answers = np.array([[1, 0, 1], [0, 0, 1]], bool)
    assert ours.micro_f1(truth, answers) == pytest.approx(2 * 2 / (3 + 3))
    assert ours.macro_f1(truth, answers) == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert ours.jaccard(truth, answers) == pytest.approx((1 / 3 + 1) / 2)
    assert ours.exact_match(truth, answers) == 0.5


def test_equal_scores_are_passed_at_once():
    truth = np.array([[True], [False], [True], [False]])
    scores = np.array([[0.9], [0.5], [0.5], [0.5]])
    assert ours.mean_average_precision(truth, scores) == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)


def test_bins_of_scores_give_nearly_the_average_precision_and_exactly_that_of_few_scores():
    truth, scores = draw(3, records=2000)
    edges = ours.score_edges(scores)
    sums = ours.score_sums(truth, scores, edges, np.arange(2000) % 7, 7).sum(0)
    got = ours.precision_of(sums.reshape(6, -1, 2))
    assert got == pytest.approx(ours.average_precisions(truth, scores), abs=0.01)
    few = scores.round(1)
    sums = ours.score_sums(truth, few, ours.score_edges(few), np.zeros(2000, int), 1)[0]
    assert ours.precision_of(sums.reshape(6, -1, 2)) == pytest.approx(
        ours.average_precisions(truth, few)
    )
