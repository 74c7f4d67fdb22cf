"""BLEMORE's rules by hand: what its code and its own tests say, and the cases at the edges."""

import numpy as np
import pytest

from emocli.metrics import blend as ours

EMOTIONS = ("ang", "disg", "fea", "hap", "sad", "neu")  # the published order
NEUTRAL = 5


def rows(*answers):
    """{"ang": 70, "hap": 30} to saliences."""
    return np.array([[answer.get(e, 0) for e in EMOTIONS] for answer in answers], float)


def decoded(probabilities, alpha=0.1, beta=0.1):
    row = np.array([[probabilities.get(e, 0.0) for e in EMOTIONS]])
    answer = ours.decode(row, alpha, beta, NEUTRAL)[0]
    return {e: int(s) for e, s in zip(EMOTIONS, answer, strict=True) if s}


def test_presence_ignores_saliences_and_wants_all_and_no_more():
    truth = rows({"ang": 100}, {"ang": 100}, {"ang": 70, "hap": 30}, {"ang": 70, "hap": 30})
    predicted = rows({"ang": 100}, {"neu": 100}, {"ang": 30, "hap": 70}, {"ang": 100})
    assert ours.presence_hits(truth, predicted).tolist() == [True, False, True, False]
    assert ours.presence(truth, predicted) == 0.5


def test_salience_counts_true_blends_alone():
    blend = {"ang": 30, "hap": 70}
    truth = rows({"ang": 100}, blend, blend, blend, blend, {"disg": 50, "hap": 50})
    predicted = rows(
        {"ang": 100},  # no blend: not counted
        {"hap": 70, "ang": 30},  # right
        {"ang": 70, "hap": 30},  # the wrong way round
        {"ang": 100},  # one emotion alone
        {"ang": 30, "sad": 70},  # another pair
        {"disg": 50, "hap": 50},  # right
    )
    hits, blends = ours.salience_hits(truth, predicted)
    assert hits.tolist() == [False, True, False, False, False, True]
    assert blends.sum() == 5
    assert ours.salience(truth, predicted) == pytest.approx(2 / 5)


def test_saliences_are_rounded_to_whole_per_cent_half_to_even():
    truth = rows(*[{"ang": 70, "hap": 30}] * 2, *[{"ang": 50, "hap": 50}] * 2)
    near = [{"ang": 70.4, "hap": 29.6}, {"ang": 70.6, "hap": 29.4}]
    even = [{"ang": 50.5, "hap": 49.5}, {"ang": 50.6, "hap": 49.4}]  # 50.5 and 49.5 are both 50
    hits, _ = ours.salience_hits(truth, rows(*near, *even))
    assert hits.tolist() == [True, False, True, False]


def test_a_third_emotion_is_one_too_many():
    truth = rows({"ang": 70, "hap": 30})
    assert ours.salience(truth, rows({"ang": 70, "hap": 29.8, "sad": 0.2})) == 0.0


def test_without_a_blend_salience_is_undefined():
    assert np.isnan(ours.salience(rows({"ang": 100}), rows({"ang": 100})))


@pytest.mark.parametrize(
    ("probabilities", "alpha", "beta", "answer"),
    [
        ({"ang": 0.7, "hap": 0.3}, 0.1, 0.5, {"ang": 50, "hap": 50}),
        ({"ang": 0.7, "hap": 0.3}, 0.1, 0.3, {"ang": 70, "hap": 30}),
        ({"ang": 0.3, "hap": 0.7}, 0.1, 0.3, {"ang": 30, "hap": 70}),
        ({"ang": 0.75, "hap": 0.25}, 0.1, 0.5, {"ang": 50, "hap": 50}),  # exactly beta apart
        ({"ang": 0.4, "hap": 0.35, "sad": 0.25}, 0.3, 0.01, {"ang": 70, "hap": 30}),
        ({"ang": 0.5, "hap": 0.5}, 0.1, 0.0, {"ang": 50, "hap": 50}),
        ({"ang": 0.9, "hap": 0.1}, 0.2, 0.3, {"ang": 100}),  # the second below alpha
        ({"ang": 0.8, "hap": 0.2}, 0.2, 0.3, {"ang": 70, "hap": 30}),  # exactly alpha
        ({"ang": 0.3, "hap": 0.4, "sad": 0.3}, 0.5, 0.3, {"hap": 100}),  # all below alpha
        ({"hap": 0.3, "neu": 0.7}, 0.1, 0.9, {"neu": 100}),
        ({"hap": 0.6, "neu": 0.4}, 0.1, 0.9, {"hap": 100}),
        ({"hap": 0.5, "neu": 0.5}, 0.1, 0.9, {"hap": 100}),  # neutral loses a tie
        ({"hap": 0.1, "neu": 0.9}, 0.2, 0.9, {"neu": 100}),
        ({"hap": 0.2, "sad": 0.2, "fea": 0.2, "neu": 0.4}, 0.5, 0.1, {"neu": 100}),
        ({"ang": 0.25, "disg": 0.25, "fea": 0.25, "hap": 0.25}, 0.1, 0.1, {"ang": 50, "disg": 50}),
        ({"sad": 1.0}, 0.05, 0.95, {"sad": 100}),
        ({"sad": 1.0}, 0.0, 0.95, {"sad": 100}),  # a zero is no second emotion
    ],
)
def test_the_published_rules(probabilities, alpha, beta, answer):
    assert decoded(probabilities, alpha, beta) == answer


def test_the_place_of_neutral_does_not_matter():
    p = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), size=500) / 6  # many ties
    first = np.roll(p, 1, axis=1)
    for alpha, beta in ((0.05, 0.2), (0.3, 0.05), (0.6, 0.5)):
        answer = np.roll(ours.decode(first, alpha, beta, 0), -1, axis=1)
        np.testing.assert_array_equal(answer, ours.decode(p, alpha, beta, NEUTRAL))


def test_every_answer_is_valid():
    p = np.random.default_rng(1).dirichlet(np.full(6, 0.3), size=2000)
    valid = {tuple(row) for row in ours.answers(6, NEUTRAL)}
    assert len(valid) == 6 + 10 * 3
    decoder = {tuple(r) for a in (0.1, 0.3) for r in ours.decode(p, a, 0.2, NEUTRAL)}
    assert decoder == valid


def draw(seed, records=300, noise=0.05):
    """True answers, and probabilities near them."""
    random = np.random.default_rng(seed)
    truth = ours.answers(6, NEUTRAL)[random.integers(36, size=records)]
    return truth, (1 - noise) * truth / 100 + noise * random.dirichlet(np.ones(6), size=records)


def test_thresholds_are_those_of_the_best_score_and_the_first_of_equal_ones():
    truth, p = draw(2, records=60, noise=0.5)
    alpha, beta = ours.thresholds(truth, p, NEUTRAL)

    def score(a, b):
        answer = ours.decode(p, a, b, NEUTRAL)
        return ours.presence(truth, answer) + ours.salience(truth, answer)

    every = {(a, b): score(a, b) for a in ours.GRID for b in ours.GRID}
    assert (alpha, beta) == max(every, key=every.get)
    assert len(ours.GRID) == 20
    np.testing.assert_allclose(ours.GRID[[0, 1, -1]], [0.05, 0.05 + 0.9 / 19, 0.95])


def test_thresholds_without_a_blend_go_by_presence():
    truth, p = draw(3)
    single = (truth > 0).sum(1) == 1
    alpha, _ = ours.thresholds(truth[single], p[single], NEUTRAL)
    assert ours.presence(truth[single], ours.decode(p[single], alpha, 0.1, NEUTRAL)) == 1.0


def test_the_posterior_of_a_true_answer_is_its_own():
    valid = ours.answers(6, NEUTRAL)
    likely = ours.posteriors(valid / 100, np.full(36, 1 / 36), 50.0, NEUTRAL)
    np.testing.assert_allclose(likely.sum(1), 1)
    assert (likely.argmax(1) == np.arange(36)).all()
    never = np.r_[0.0, np.full(35, 1 / 35)]
    assert ours.posteriors(valid / 100, never, 50.0, NEUTRAL)[0].argmax() != 0


def test_the_expected_score_is_the_one_of_the_challenge():
    """Draw many truths from the posteriors: no other answer to a record scores more."""
    random = np.random.default_rng(4)
    posterior = random.dirichlet(np.full(36, 0.2), size=3)
    valid, draws = ours.answers(6, NEUTRAL), 4000
    truth = np.concatenate([valid[random.choice(36, draws, p=row)] for row in posterior])
    best = ours.decode_expected(posterior, 6, NEUTRAL)

    def score(answer):
        total = ours.sums(truth, np.repeat(answer, draws, 0), np.zeros(3 * draws, int), 1)[0]
        return ours.figures(total)["blend_score"]

    for record in range(3):
        others = np.tile(best, (36, 1, 1))
        others[:, record] = valid
        assert score(best) >= max(map(score, others)) - 0.002  # three standard deviations of a draw


def test_sums_over_clusters_give_the_figures_of_resampled_records():
    truth, p = draw(5, records=80, noise=0.6)
    answer = ours.decode(p, 0.2, 0.2, NEUTRAL)
    clusters, weights = np.arange(80) % 4, np.array([2, 0, 1, 3])
    got = ours.figures(weights @ ours.sums(truth, answer, clusters, 4))
    again = np.repeat(np.arange(80), weights[clusters])
    assert got["presence"] == pytest.approx(ours.presence(truth[again], answer[again]))
    assert got["salience"] == pytest.approx(ours.salience(truth[again], answer[again]))
    assert got["blend_score"] == pytest.approx((got["presence"] + got["salience"]) / 2)


@pytest.mark.parametrize(
    "row", [{"ang": 70, "hap": 20}, {"ang": 110, "hap": -10}, {}, {"ang": np.nan}]
)
def test_saliences_that_are_not_per_cents_of_100_are_named(row):
    with pytest.raises(ValueError, match="blend 1 is not positive shares adding to 100 %"):
        ours.saliences(rows({"ang": 100}, row))


def test_saliences_are_a_table_and_pass_as_they_are():
    blend = rows({"ang": 100}, {"ang": 33.3, "hap": 66.6})
    np.testing.assert_array_equal(ours.saliences(blend), blend)
    with pytest.raises(ValueError, match=r"blend has the shape \(6,\)"):
        ours.saliences(blend[0])
