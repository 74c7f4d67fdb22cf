"""Promises that every metric keeps; a new metric is found by its name in `__all__`."""

import inspect

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from emocli import metrics
from emocli.metrics.classification import confusion_matrix

SMALLER_IS_BETTER = {
    "adaptive_ece", "aurc", "brier", "ece", "js_distance", "jsd_bits", "jsd_nats", "kl", "log_loss",
    "mae", "rmse",
}  # fmt: skip
BEST = dict.fromkeys(SMALLER_IS_BETTER, 0.0)
LEAST = {"ccc": -1.0, "fleiss_kappa": -1.0, "pearson": -1.0, "r2_per_emotion": -np.inf}
OF_NUMBERS = ("regression.",)  # where renaming classes would change the numbers
NEED_TWO = {"ccc", "pearson", "r2_per_emotion"}  # there is no spread in one record

every = pytest.mark.parametrize("name", metrics.names())


def draw(seed, records=200, classes=5):
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=records)
    scores = random.normal(size=(records, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return truth, probabilities


def pairs(labels):
    """A pair of subtask 1 per record, each in its own conversation, its cause three words."""
    ones = np.ones_like(labels)
    return np.stack([np.arange(len(labels)), ones, ones, 0 * ones, 3 * ones, labels], 1)


def blends(labels):
    """70 % of a label, 30 % of the one after it."""
    return 70 * np.eye(5)[labels] + 30 * np.eye(5)[(labels + 1) % 5]


def arguments(name, truth, probabilities):
    """What a metric is called with, by its file or by the names of its first parameters."""
    first, second = [*inspect.signature(metrics.load(name)).parameters, ""][:2]
    predicted = probabilities.argmax(1)
    of_file = {
        "agreement": lambda: (np.rint(9 * probabilities),),
        "blend": lambda: (blends(truth), blends(predicted)),
        "distribution": lambda: (np.eye(5)[truth], probabilities),
        "emotion_cause": lambda: (pairs(truth), pairs(predicted)),
        "multilabel": lambda: (
            np.eye(5)[truth] > 0,
            probabilities if second == "scores" else probabilities >= 0.25,
        ),
        "regression": lambda: (truth.astype(float), probabilities @ np.arange(5.0)),
    }
    if name.split(".")[0] in of_file:
        return of_file[name.split(".")[0]]()
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
    assert {"classification.uar", "distribution.jsd_bits"} <= set(metrics.names())
    assert not [name for name in metrics.names() if name.startswith(("bootstrap", "report"))]


@every
def test_a_metric_is_one_number(name):
    result = value(name, *draw(0))
    assert isinstance(result, float)
    assert LEAST.get(name.split(".")[1], 0.0) <= result <= 36.1


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
        assert got >= perfect - 1e-12 if small else got <= perfect + 1e-12


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
    near = 1e-8 if name.startswith("emotion_cause") else 1e-12  # the scorer adds 1e-8 to counts
    assert twice == pytest.approx(value(name, truth, probabilities), rel=near)


@pytest.mark.parametrize("name", [n for n in metrics.names() if not n.startswith(OF_NUMBERS)])
def test_the_names_of_the_classes_do_not_matter(name):
    truth, probabilities = draw(5)
    order = np.random.default_rng(6).permutation(5)
    renamed = value(name, order.argsort()[truth], probabilities[:, order])
    assert renamed == pytest.approx(value(name, truth, probabilities), rel=1e-12)


@every
def test_no_record_at_all_is_undefined(name):
    assert np.isnan(value(name, np.zeros(0, int), np.zeros((0, 5))))


@every
def test_one_record_is_enough_where_spread_is_not_what_is_measured(name):
    result, best = value(name, np.array([2]), np.eye(5)[[2]]), BEST.get(name.split(".")[1], 1.0)
    if name.split(".")[1] in NEED_TWO:
        assert np.isnan(result)
    else:
        assert result == pytest.approx(best)


@every
def test_unequal_lengths_raise_with_both_numbers(name):
    truth, probabilities = draw(7, records=4)
    metric, total = metrics.load(name), arguments(name, truth, probabilities)
    if name.startswith("agreement"):
        return  # one argument: there is nothing to be unequal
    if name.startswith("emotion_cause"):  # sets of pairs: as many as there are, but alike in width
        metric, total = (lambda a, b: metrics.load(name)(a, b[:, :3])), (total[0], total[1])
    elif len(total) == 1:
        metric, total = (lambda *pair: confusion_matrix(*pair, 5)), (truth, truth)
    with pytest.raises(ValueError, match=r"(?s)4.*3"):
        metric(total[0], total[1][:3])


@every
def test_a_metric_names_its_source(name):
    file = inspect.getmodule(metrics.load(name))
    assert "https://" in file.__doc__
    assert metrics.load(name).__doc__


def few():
    """Truth and probabilities of no, one or two records, and of records that are all alike."""
    for records in range(3):
        truth, probabilities = draw(8 + records, records)
        yield truth, probabilities
        yield truth, np.eye(5)[truth]
        yield truth, np.roll(np.eye(5)[truth], 1, axis=1)
    truth, probabilities = draw(11, records=6)
    one, other, even = np.zeros(6, int), np.eye(5)[[1] * 6], np.full((6, 5), 0.2)
    yield from ((one, p) for p in (probabilities, np.eye(5)[one], other, even))
    yield from ((truth, p) for p in (other, even))


def ratings(truth, probabilities):
    return truth.astype(float), probabilities @ np.arange(5.0)


def concordance(y, p):
    """Lin's formula with moments divided by n; NaN where it is 0 / 0."""
    below = y.var() + p.var() + (y.mean() - p.mean()) ** 2
    return 2 * ((y - y.mean()) * (p - p.mean())).mean() / below if below > 1e-12 else np.nan


def correlation(y, p):
    """NaN where one of them is constant, which scipy warns of."""
    steady = len(y) < 2 or np.ptp(y) < 1e-12 or np.ptp(p) < 1e-12
    return np.nan if steady else stats.pearsonr(y, p).statistic


def of_scikit_learn(metric, **options):
    def value(truth, probabilities):
        return metric(truth, probabilities.argmax(1), **options) if len(truth) else np.nan

    return value


ORACLES = {
    "classification.accuracy": of_scikit_learn(sk.accuracy_score),
    "classification.uar": of_scikit_learn(sk.balanced_accuracy_score),
    "classification.uar_predicted": of_scikit_learn(
        sk.recall_score, average="macro", zero_division=0
    ),
    "classification.macro_f1": of_scikit_learn(sk.f1_score, average="macro"),
    "classification.weighted_f1": of_scikit_learn(sk.f1_score, average="weighted"),
    "calibration.log_loss": lambda t, p: sk.log_loss(t, p, labels=range(5)) if len(t) else np.nan,
    "distribution.r2_per_emotion": lambda t, p: (
        sk.r2_score(np.eye(5)[t], p) if len(t) > 1 else np.nan
    ),
    "regression.ccc": lambda t, p: concordance(*ratings(t, p)) if len(t) else np.nan,
    "regression.pearson": lambda t, p: correlation(*ratings(t, p)),
}


@every
def test_of_too_little_a_metric_is_right_or_undefined_and_says_so(name):
    for truth, probabilities in few():
        result = value(name, truth, probabilities)
        assert isinstance(result, float)
        if np.isnan(result):
            about = metrics.load(name).__doc__ + inspect.getmodule(metrics.load(name)).__doc__
            assert "NaN" in about
        else:
            assert LEAST.get(name.split(".")[1], 0.0) <= result <= 36.1


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.filterwarnings("ignore:y_pred contains classes", "ignore:A single label was found")
def test_of_too_little_a_metric_is_that_of_another_library(name):
    for truth, probabilities in few():
        expected = ORACLES[name](truth, probabilities)
        assert value(name, truth, probabilities) == pytest.approx(expected, nan_ok=True, abs=1e-9)
