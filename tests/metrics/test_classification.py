"""Against scikit-learn, and by hand where the two mean to differ."""

import numpy as np
import pytest
from sklearn import metrics as sk

from emocli.metrics import classification as ours

SIZES = [(1, 2), (5, 7), (30, 4), (500, 7), (300, 28)]


def draw(seed, records, classes):
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=records)
    wrong = random.integers(classes, size=records)
    return truth, np.where(random.random(records) < 0.6, truth, wrong)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("records", "classes"), SIZES)
def test_scikit_learn_says_the_same(seed, records, classes):
    truth, predicted = draw(seed, records, classes)
    confusion = ours.confusion_matrix(truth, predicted, classes)
    labels = range(classes)
    np.testing.assert_array_equal(confusion, sk.confusion_matrix(truth, predicted, labels=labels))
    assert ours.accuracy(confusion) == pytest.approx(sk.accuracy_score(truth, predicted))
    recalls = sk.recall_score(truth, predicted, average=None, labels=labels, zero_division=np.nan)
    np.testing.assert_allclose(ours.recall(confusion), recalls)
    assert ours.uar(confusion) == pytest.approx(np.nanmean(recalls))
    f1 = {"average": "macro", "zero_division": 0.0}
    assert ours.macro_f1(confusion) == pytest.approx(sk.f1_score(truth, predicted, **f1))
    assert ours.macro_f1(confusion, absent=0.0) == pytest.approx(
        sk.f1_score(truth, predicted, labels=labels, **f1)
    )
    weighted = sk.f1_score(truth, predicted, average="weighted", zero_division=0.0)
    assert ours.weighted_f1(confusion) == pytest.approx(weighted)
    precision = sk.precision_score(
        truth, predicted, average=None, labels=labels, zero_division=np.nan
    )
    np.testing.assert_allclose(ours.precision(confusion), precision)


def test_uar_is_scikit_learns_balanced_accuracy():
    truth, predicted = draw(9, 400, 7)
    assert ours.uar(ours.confusion_matrix(truth, predicted, 9)) == pytest.approx(
        sk.balanced_accuracy_score(truth, predicted)
    )


@pytest.mark.filterwarnings("ignore:Recall is ill-defined")
def test_uar_predicted_is_the_macro_recall_of_other_tools():
    for seed in range(20):
        truth, predicted = draw(seed, 12, 7)
        expected = sk.recall_score(truth, predicted, average="macro", zero_division=0)
        confusion = ours.confusion_matrix(truth, predicted, 9)
        assert ours.uar_predicted(confusion) == pytest.approx(expected)
        assert ours.uar_predicted(confusion) <= ours.uar(confusion)
    half = ours.confusion_matrix(np.array([0, 0]), np.array([0, 1]), 2)
    assert (ours.uar(half), ours.uar_predicted(half)) == (0.5, 0.25)


def test_a_class_the_truth_lacks_counts_in_macro_f1_once_it_is_predicted_but_never_in_uar():
    confusion = ours.confusion_matrix(np.array([0, 0, 1]), np.array([0, 2, 1]), 4)
    # by hand: recalls 1/2, 1; F1 2/3, 1, 0 (predicted only), absent
    assert ours.uar(confusion) == pytest.approx(3 / 4)
    assert ours.uar_predicted(confusion) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert ours.macro_f1(confusion) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert ours.macro_f1(confusion, absent=0.0) == pytest.approx((2 / 3 + 1) / 4)
    assert ours.weighted_f1(confusion) == pytest.approx((2 * 2 / 3 + 1) / 3)


def test_what_is_undefined_is_nan():
    confusion = ours.confusion_matrix(np.array([0, 0]), np.array([1, 1]), 3)
    np.testing.assert_array_equal(ours.recall(confusion), [0, np.nan, np.nan])
    np.testing.assert_array_equal(ours.precision(confusion), [np.nan, 0, np.nan])
    np.testing.assert_array_equal(ours.f1(confusion), [0, 0, np.nan])


def test_a_stack_of_matrices_gives_one_value_each():
    stack = np.stack([ours.confusion_matrix(*draw(s, 50, 3), 3) for s in range(6)]).reshape(
        2, 3, 3, 3
    )
    for metric in (ours.accuracy, ours.uar, ours.macro_f1, ours.weighted_f1):
        expected = [[metric(matrix) for matrix in row] for row in stack]
        np.testing.assert_allclose(metric(stack), expected)


@pytest.mark.parametrize("bad", [[-1, 0], [0, 3]])
def test_an_index_that_is_no_class_raises(bad):
    with pytest.raises(ValueError, match=r"not 0\.\.2"):
        ours.confusion_matrix(np.array([0, 0]), np.array(bad), 3)
