"""The scorer of SemEval-2024 Task 3, worked by hand.

A pair is conversation, turn of the emotion, turn of the cause, start, end, emotion; the emotions
are 0 anger, 1 disgust, 2 fear, 3 joy, 4 sadness, 5 surprise.
"""

import numpy as np
import pytest

from emocli.metrics import emotion_cause as ours

ANGER, JOY, SADNESS, SURPRISE = 0, 3, 4, 5


def figures(count, gold, predicted, conversations=1):
    gold, predicted = (np.array(rows, int).reshape(-1, 6) for rows in (gold, predicted))
    return ours.figures(count(gold, predicted, conversations).sum(0))


def strict(gold, predicted):
    return figures(ours.strict_counts, gold, predicted)


def proportional(gold, predicted):
    return figures(ours.proportional_counts, gold, predicted)


def test_strict_by_hand():
    gold = [
        (0, 3, 1, 0, 4, JOY),
        (0, 3, 2, 1, 3, JOY),
        (0, 5, 5, 0, 2, JOY),
        (0, 6, 5, 0, 2, ANGER),
    ]
    predicted = [
        (0, 3, 1, 0, 4, JOY),  # right
        (0, 3, 2, 1, 4, JOY),  # one word too many
        (0, 6, 5, 0, 2, JOY),  # another emotion
        (0, 6, 5, 0, 2, ANGER),  # right
    ]
    # joy: P 1/3, R 1/3, F 1/3, weight 3/4; anger: all 1, weight 1/4
    got = strict(gold, predicted)
    assert got["weighted_f1"] == pytest.approx(0.75 / 3 + 0.25)
    assert got["weighted_precision"] == pytest.approx(0.75 / 3 + 0.25)
    assert got["micro_precision"] == pytest.approx(2 / 4)
    assert got["micro_recall"] == pytest.approx(2 / 4)


def test_weights_are_those_of_gold_and_other_emotions_cost_the_micro_average_alone():
    gold, extra = [(0, 1, 1, 0, 2, JOY)], (0, 1, 1, 0, 2, SADNESS)
    got = strict(gold, [*gold, extra])
    assert got["weighted_f1"] == pytest.approx(1)
    assert got["micro_precision"] == pytest.approx(0.5)
    assert got["micro_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("score", [strict, proportional])
def test_duplicates_count_once(score):
    gold = [(0, 1, 1, 0, 2, JOY), (0, 2, 1, 0, 2, JOY)]
    once, twice = score(gold, gold[:1]), score(gold * 2, gold[:1] * 3)
    assert twice == once
    assert once["weighted_recall"] == pytest.approx(0.5)


def test_epsilon_is_in_every_denominator():
    gold = [(0, 1, 1, 0, 2, JOY)]
    p = 1 / (1 + 1e-8)
    got = strict(gold, gold)
    assert got["weighted_precision"] == p < 1
    assert got["weighted_f1"] == 2 * p * p / (p + p + 1e-8) < 1
    assert strict(gold, [])["weighted_f1"] == 0.0


@pytest.mark.parametrize("score", [strict, proportional])
def test_without_gold_everything_is_undefined(score):
    assert np.isnan([*score([], [(0, 1, 1, 0, 2, JOY)]).values()]).all()


def test_proportional_by_hand():
    gold = [(0, 3, 1, 0, 4, JOY), (0, 3, 2, 0, 5, JOY), (0, 4, 4, 0, 3, SADNESS)]
    predicted = [
        (0, 3, 1, 2, 6, JOY),  # 2 of its 4 words overlap
        (0, 3, 2, 1, 4, JOY),  # 3 of 3
        (0, 4, 4, 3, 5, SADNESS),  # begins where gold ends: nothing
    ]
    # joy: P 5/7, R 5/9; sadness: 0; weights 2/3, 1/3
    p, r = 5 / 7, 5 / 9
    got = proportional(gold, predicted)
    assert got["weighted_f1"] == pytest.approx(2 / 3 * 2 * p * r / (p + r))
    assert got["weighted_precision"] == pytest.approx(2 / 3 * p)
    assert got["micro_precision"] == pytest.approx(5 / 9)
    assert got["micro_recall"] == pytest.approx(5 / 12)


def test_a_gold_cause_counts_once_for_each_prediction_that_takes_it():
    gold = [(0, 1, 1, 0, 6, JOY)]
    # both take it: 2 + 3 words of 6 + 6
    got = proportional(gold, [(0, 1, 1, 0, 2, JOY), (0, 1, 1, 3, 6, JOY)])
    assert got["micro_recall"] == pytest.approx(5 / 12)
    assert got["micro_precision"] == pytest.approx(5 / 5)
    got = proportional(gold, [(0, 1, 1, 0, 2, JOY)])
    assert got["micro_recall"] == pytest.approx(2 / 6)


def test_a_prediction_takes_the_gold_cause_it_covers_most_of():
    # it has 2 of the 3 words of the first, and 2 of the 2 of the second
    gold = [(0, 1, 1, 0, 3, JOY), (0, 1, 1, 3, 5, JOY)]
    got = proportional(gold, [(0, 1, 1, 1, 5, JOY)])
    assert got["micro_recall"] == pytest.approx(2 / (2 + 3))  # the taken one, and the free one
    assert got["micro_precision"] == pytest.approx(2 / 4)


def test_of_equal_shares_the_longer_overlap_is_taken():
    # all of both: of 1 word and of 3
    gold = [(0, 1, 1, 0, 1, JOY), (0, 1, 1, 2, 5, JOY)]
    got = proportional(gold, [(0, 1, 1, 0, 5, JOY)])
    assert got["micro_precision"] == pytest.approx(3 / 5)


def test_of_equal_shares_and_overlaps_the_first_is_taken():
    gold = [(0, 1, 1, 0, 2, JOY), (0, 1, 1, 2, 4, JOY)]
    # [1, 3) ties and takes the first, [2, 3) takes the second: no gold is left over
    got = proportional(gold, [(0, 1, 1, 1, 3, JOY), (0, 1, 1, 2, 3, JOY)])
    assert got["micro_recall"] == pytest.approx(2 / 4)
    # [1, 3) ties and takes the first again: the second is left, so 1 + 1 words of 2 + 2 + 2
    got = proportional(gold, [(0, 1, 1, 1, 3, JOY), (0, 1, 1, 0, 1, JOY)])
    assert got["micro_recall"] == pytest.approx(2 / 6)


def test_another_turn_conversation_or_emotion_is_no_match():
    gold = [(0, 1, 1, 0, 4, JOY)]
    others = [(0, 1, 2, 0, 4, JOY), (0, 2, 1, 0, 4, JOY), (1, 1, 1, 0, 4, JOY)]
    got = figures(ours.proportional_counts, gold, [*others, (0, 1, 1, 0, 4, ANGER)], 2)
    assert got["weighted_f1"] == 0.0


def test_a_gold_cause_that_was_not_found_weighs_but_has_no_words():
    gold = [(0, 1, 1, 0, 0, JOY), (0, 2, 1, 0, 4, ANGER)]
    got = proportional(gold, [(0, 1, 1, 0, 3, JOY), (0, 2, 1, 0, 4, ANGER)])
    assert got["weighted_f1"] == pytest.approx(0.5)
    assert strict(gold, [(0, 1, 1, 0, 0, JOY)])["weighted_f1"] == pytest.approx(0.5)


def test_where_no_spans_overlap_in_part_both_scores_of_one_word_causes_agree():
    random = np.random.default_rng(0)
    rows = np.stack(
        [random.integers(top, size=400) for top in (5, 4, 4)]
        + [random.integers(3, size=400)] * 2
        + [random.integers(6, size=400)],
        1,
    )
    rows[:, 4] += 1
    gold, predicted = rows[:200], rows[100:300]
    one = figures(ours.strict_counts, gold, predicted, 5)
    assert figures(ours.proportional_counts, gold, predicted, 5) == pytest.approx(one)


def test_subtask_2_by_hand():
    gold = np.array([(0, 3, 1, SURPRISE), (0, 3, 3, SURPRISE), (0, 4, 3, JOY), (0, 4, 3, JOY)])
    predicted = np.array([(0, 3, 1, SURPRISE), (0, 3, 1, SURPRISE), (0, 4, 3, JOY), (0, 4, 4, JOY)])
    # surprise: P 1, R 1/2, F 2/3, weight 2/3; joy: P 1/2, R 1, F 2/3, weight 1/3
    got = ours.figures(ours.strict_counts(gold, predicted, 1).sum(0))
    assert got["weighted_f1"] == pytest.approx(2 / 3)
    assert got["weighted_precision"] == pytest.approx(2 / 3 + 1 / 6)
    assert got["micro_f1"] == pytest.approx(2 / 3)
    assert ours.pair_f1(gold, predicted) == got["weighted_f1"]


def test_the_pairs_of_subtask_1_are_scored_as_those_of_subtask_2_without_their_words():
    gold, predicted = np.array([(0, 1, 1, 0, 3, JOY)]), np.array([(0, 1, 1, 2, 3, JOY)])
    assert ours.pair_f1(gold, predicted) == pytest.approx(1)
    assert ours.strict_f1(gold, predicted) == 0


def test_counts_per_conversation_add_up_so_that_conversations_can_be_resampled():
    rows = np.array([(c, t, t, 0, 2, t % 6) for c in range(4) for t in range(9)])
    answers = rows.copy()
    answers[::3, 4] = 4
    weights = np.array([2, 0, 1, 3])
    for count in (ours.strict_counts, ours.proportional_counts):
        total = np.einsum("c,cek->ek", weights, count(rows, answers, 4))
        drawn = np.repeat(np.arange(4), weights)
        gold, predicted = (
            np.concatenate(
                [np.c_[np.full(9, i), r[r[:, 0] == c][:, 1:]] for i, c in enumerate(drawn)]
            )
            for r in (rows, answers)
        )
        again = ours.figures(count(gold, predicted, 6).sum(0))
        assert ours.figures(total) == pytest.approx(again)


@pytest.mark.parametrize(
    ("cause", "utterance", "span"),
    [
        ("I am back", "Well , I am back , I am back .", (2, 5)),  # the first place
        ("Oh , I see !", "Oh , I see ! Well .", (0, 4)),  # punctuation at the end is cut off
        ("( . Oh ! ) .", "He said Oh ! .", (2, 3)),  # at both ends, more than one
        ("no ! yes", "no ! yes", (0, 3)),  # inside it stays
        ("'s late", "It 's late", (0, 0)),  # cut from a word, which is then not there
        ("back in", "I am back", (0, 0)),
        ("…", "…", (0, 1)),  # not ASCII
        ("...", "... what", (0, 0)),
        ("what what what", "what what", (0, 0)),
        ("Back", "back", (0, 0)),  # case counts
    ],
)
def test_where_a_cause_stands(cause, utterance, span):
    assert ours.cause_span(cause, utterance) == span


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, 1, 1, 3, 2, JOY), "predicted pair 1 is"),
        ((0, 1, 1, 0, 2, 6), "emotions below 6"),
        ((7, 1, 1, 0, 2, JOY), "conversations below 1"),
        ((0, -1, 1, 0, 2, JOY), "numbers from 0"),
    ],
)
def test_what_is_no_pair_is_named(row, message):
    good = (0, 1, 1, 0, 2, JOY)
    with pytest.raises(ValueError, match=message):
        strict([good], [good, row])


def test_pairs_of_subtask_2_have_no_proportional_score():
    pairs = np.array([(0, 1, 1, JOY)])
    with pytest.raises(ValueError, match="pairs of 4 numbers, not the 6"):
        ours.proportional_f1(pairs, pairs)
