"""`emocli score --task ecf`: cases worked by hand, with the scorer's own edges."""

import pytest


def score(emocli, records, *flags, status=0):
    outcome = emocli("score", "--bootstrap", "40", *flags, stdin=records)
    assert outcome.status == status, outcome.stderr
    return outcome


def said(turn, text, label, prediction, dialogue="d1"):
    return {
        "id": f"{dialogue}_{turn}", "dialogue": dialogue, "turn": turn, "text": text,
        "label": label, "prediction": prediction,
    }  # fmt: skip


def conversation():
    """Two gold pairs of joy, one of sadness; one predicted exactly, one in part, one elsewhere."""
    return [
        said(1, "I got the job , finally !", {"emotion": "neutral"}, {"emotion": "neutral"}),
        said(
            2, "That is great news !",
            {"emotion": "joy", "causes": [{"turn": 1, "text": "I got the job , finally !"}]},
            {"emotion": "joy", "causes": [{"turn": 1, "start": 0, "end": 6}]},
        ),
        said(
            3, "My dog is ill .",
            {"emotion": "sadness", "causes": [{"turn": 3, "text": "My dog is ill"}]},
            {"emotion": "sadness", "causes": [{"turn": 3, "text": "dog is"}]},
        ),
        said(
            4, "Oh no",
            {"emotion": "joy", "causes": [{"turn": 3, "text": "ill"}]},
            {"emotion": "anger", "causes": [{"turn": 3, "text": "ill"}]},
        ),
    ]  # fmt: skip


def test_pairs_by_hand(emocli):
    (row,) = score(emocli, conversation()).records
    assert (row["task"], row["pairs"], row["predicted_pairs"]) == ("ecf", 3, 3)
    # Joy: 1 of 1 predicted right, 1 of 2 found: F1 2/3. Sadness: the span differs, 0 when strict.
    assert row["strict"]["weighted_f1"] == pytest.approx((2 * 2 / 3 + 1 * 0) / 3)
    assert row["strict"]["micro_f1"] == pytest.approx(1 / 3)
    # In words. Joy: 6 of 6 predicted, 6 of 7 gold: F1 12/13. Sadness: 2 of 2, 2 of 4: F1 2/3.
    assert row["proportional"]["weighted_f1"] == pytest.approx((2 * 12 / 13 + 2 / 3) / 3)
    # By turns, subtask 2: joy 2/3, sadness 1.
    assert row["pairs"] == 3
    assert row["utterances"]["weighted_f1"] == pytest.approx((2 * 2 / 3 + 1) / 3)


def test_turns_alone_are_subtask_2_and_an_emotion_of_its_own_counts(emocli):
    records = conversation()
    for record in records:
        for side in ("label", "prediction"):
            for cause in record[side].get("causes", ()):
                for key in ("text", "start", "end"):
                    cause.pop(key, None)
    (row,) = score(emocli, records).records
    assert row["strict"]["weighted_f1"] is None
    assert row["utterances"]["weighted_f1"] == pytest.approx((2 * 2 / 3 + 1) / 3)
    records[3]["prediction"]["causes"] = [{"turn": 3, "emotion": "joy"}, {"turn": 3}] * 2
    (row,) = score(emocli, records).records
    assert row["predicted_pairs"] == 4  # anger's too; the same pair twice counts once
    assert row["utterances"]["weighted_f1"] == pytest.approx(1.0)


def test_no_prediction_of_a_cause_costs_recall_and_neutral_has_none(emocli):
    records = conversation()
    records[1]["prediction"] = {"emotion": "neutral", "causes": [{"turn": 1, "start": 0, "end": 6}]}
    (row,) = score(emocli, records).records
    assert (row["predicted_pairs"], row["strict"]["micro_f1"]) == (2, 0.0)
    assert row["scored"] == 4


def test_dialogues_are_resampled(emocli):
    records = [{**r, "id": f"{d}{r['id']}", "dialogue": f"d{d}"} for d in range(12)
               for r in conversation()]  # fmt: skip
    (row,) = score(emocli, records).records
    assert (row["resampled"], row["clusters"]) == ("dialogue", 12)
    f1 = row["strict"]["weighted_f1"]
    assert row["intervals"]["strict"]["weighted_f1"] == pytest.approx([f1, f1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emotion": "joy", "causes": "1"}, "prediction.causes is not a list"),
        ({"emotion": "joy", "causes": [{"text": "x"}]}, "not turn, and text or words"),
        ({"emotion": "joy", "causes": [{"turn": 1, "start": 3, "end": 1}]}, "not turn, and text"),
        ({"emotion": "bliss", "causes": [{"turn": 1, "text": "I"}]}, "unknown emotion 'bliss'"),
        ({"emotion": "joy", "causes": [{"turn": 1}]}, "a cause in turn 1 without words"),
        ({"emotion": "joy", "causes": [{"turn": 9, "text": "I"}]}, "the text of turn 9 is missing"),
        ({}, "there is a label, but no prediction"),
    ],
)
def test_a_wrong_cause_is_named(emocli, change, message):
    records = conversation()
    records[1]["prediction"] = change
    outcome = score(emocli, records, "--task", "ecf", status=1)
    assert "d1_2: " in outcome.stderr
    assert message in outcome.stderr
    assert outcome.records[0]["scored"] == 3
