"""Promises that every metric keeps; a new metric is found by its name in `__all__`."""

import inspect

import numpy as np
import pytest

from emocli import metrics
from emocli.metrics.classification import confusion_matrix

SMALLER_IS_BETTER = {"brier", "ece", "log_loss"}
BEST = dict.fromkeys(SMALLER_IS_BETTER, 0.0)

every = pytest.mark.parametrize("name", metrics.names())


def draw(seed, records=200, classes=5):
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=records)
    scores = random.normal(size=(records, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return truth, probabilities


def arguments(name, truth, probabilities):
    """What a metric is called with, by the names of its first parameters."""
    first, second = [*inspect.signature(metrics.load(name)).parameters, ""][:2]
    predicted = probabilities.argmax(1)
    if first == "confusion":
        return (confusion_matrix(truth, predicted, probabilities.shape[1]),)
    if (first, second) == ("truth", "probabilities"):
        return truth, probabilities
    if (first, second) == ("confidence", "correct"):
        return probabilities.max(1), predicted == truth
    raise AssertionError(f"{name}({first}, {second}): tell this test how to draw its arguments")


def value(name, truth, probabilities):
    return metrics.load(name)(*arguments(name, truth, probabilities))


def test_metrics_are_found_by_their_name():
    assert {"classification.uar", "calibration.ece"} <= set(metrics.names())
    assert not [name for name in metrics.names() if name.startswith(("bootstrap", "report"))]


@every
def test_a_metric_is_one_number(name):
    result = value(name, *draw(0))
    assert isinstance(result, float)
    assert 0 <= result <= 36.1


@every
def test_perfect_is_best(name):
    truth, _ = draw(1)
    assert value(name, truth, np.eye(5)[truth]) == pytest.approx(BEST.get(name.split(".")[1], 1.0))


@every
def test_nothing_is_better_than_perfect(name):
    small = name.split(".")[1] in SMALLER_IS_BETTER
    for seed in range(20):
        truth, probabilities = draw(seed, records=12, classes=5)
        perfect, got = value(name, truth, np.eye(5)[truth]), value(name, truth, probabilities)
        assert got >= perfect if small else got <= perfect


@every
def test_the_order_of_the_records_does_not_matter(name):
    truth, probabilities = draw(2)
    order = np.random.default_rng(3).permutation(len(truth))
    shuffled = value(name, truth[order], probabilities[order])
    assert shuffled == pytest.approx(value(name, truth, probabilities), rel=1e-12)


@every
def test_every_record_twice_changes_nothing(name):
    truth, probabilities = draw(4)
    twice = value(name, np.tile(truth, 2), np.tile(probabilities, (2, 1)))
    assert twice == pytest.approx(value(name, truth, probabilities), rel=1e-12)


@every
def test_the_names_of_the_classes_do_not_matter(name):
    truth, probabilities = draw(5)
    order = np.random.default_rng(6).permutation(5)
    renamed = value(name, order.argsort()[truth], probabilities[:, order])
    assert renamed == pytest.approx(value(name, truth, probabilities), rel=1e-12)


@every
def test_no_record_at_all_is_undefined(name):
    assert np.isnan(value(name, np.zeros(0, int), np.zeros((0, 5))))


@every
def test_one_record_is_enough(name):
    assert value(name, np.array([2]), np.eye(5)[[2]]) == BEST.get(name.split(".")[1], 1.0)


@every
def test_unequal_lengths_raise_with_both_numbers(name):
    truth, probabilities = draw(7, records=4)
    metric, whole = metrics.load(name), arguments(name, truth, probabilities)
    if len(whole) == 1:
        metric, whole = (lambda *pair: confusion_matrix(*pair, 5)), (truth, truth)
    with pytest.raises(ValueError, match=r"(?s)4.*3"):
        metric(whole[0], whole[1][:3])


@every
def test_a_metric_names_its_source(name):
    file = inspect.getmodule(metrics.load(name))
    assert "https://" in file.__doc__
    assert metrics.load(name).__doc__
