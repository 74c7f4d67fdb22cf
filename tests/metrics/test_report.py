import numpy as np
import pytest

from emocli.metrics import bootstrap, calibration, classification, report


def draw(seed=0, records=400, classes=4):
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=records)
    probabilities = random.dirichlet(np.ones(classes), size=records)
    return report.Scored(truth, probabilities.argmax(1), probabilities), random.integers(
        9, size=records
    )


def one_by_one(scored, edges=None):
    """Each metric by its own function, record by record; `edges` are the bins of equal numbers."""
    confusion = classification.confusion_matrix(scored.truth, scored.predicted, scored.classes)
    known = scored.known
    p, truth, predicted = scored.probabilities[known], scored.truth[known], scored.predicted[known]
    confidence, correct = p[np.arange(len(truth)), predicted], truth == predicted
    edges = calibration.adaptive_edges(confidence) if edges is None else edges
    return {
        "accuracy": classification.accuracy(confusion),
        "uar": classification.uar(confusion),
        "uar_predicted": classification.uar_predicted(confusion),
        "weighted_f1": classification.weighted_f1(confusion),
        "macro_f1": classification.macro_f1(confusion),
        "log_loss": calibration.log_loss(truth, p),
        "brier": calibration.brier(truth, p),
        "ece": calibration.ece(confidence, correct),
        "adaptive_ece": calibration.ece(confidence, correct, edges),
    }


def test_sums_give_what_the_records_give():
    scored, _ = draw()
    assert report.points(scored) == pytest.approx(one_by_one(scored))
    assert tuple(report.points(scored)) == report.NAMES


def test_records_without_probabilities_count_in_the_other_metrics():
    scored, _ = draw()
    scored.probabilities[::3] = np.nan
    assert report.points(scored) == pytest.approx(one_by_one(scored))
    scored.probabilities[:] = np.nan
    undefined = {k for k, v in report.points(scored).items() if np.isnan(v)}
    assert undefined == {"log_loss", "brier", "ece", "adaptive_ece"}


def test_intervals_are_those_of_resampling_whole_speakers_record_by_record():
    scored, speakers = draw()
    random = np.random.default_rng([0, 0])
    weights = random.multinomial(9, np.full(9, 1 / 9), size=50)
    values = []
    for counts in weights:
        rows = np.concatenate(
            [np.tile(np.flatnonzero(speakers == s), n) for s, n in enumerate(counts)]
        )
        part = report.Scored(scored.truth[rows], scored.predicted[rows], scored.probabilities[rows])
        values.append(one_by_one(part, calibration.adaptive_edges(scored.sure[1])))
    got = report.intervals(scored, speakers, resamples=50, seed=0)
    for name in report.NAMES:
        assert got[name] == pytest.approx(bootstrap.interval(np.array([v[name] for v in values])))


def test_one_cluster_has_no_interval():
    scored, _ = draw()
    got = report.intervals(scored, np.zeros(400, int), resamples=50, seed=0)
    assert np.isnan([*got.values()]).all()
