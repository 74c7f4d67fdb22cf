"""`score --task mmeverse`, against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from emocli.datasets import mmeverse
from emocli.llm import wheels
from emocli.metrics import multilabel
from tests.conftest import Emocli

Record = dict[str, Any]
Pairs = list[tuple[Any, Any]]


def made(corpus: str, split: str | None, pairs: Pairs, kind: str = "emotion") -> list[Record]:
    """Return records of a corpus with a label and a prediction of a kind each."""
    field = {"emotion": "original"}.get(kind, kind)
    more = {"split": split} if split else {}
    return [
        {"id": f"{corpus}-{split}-{kind}-{i}", "dataset": "mmeverse", "corpus": corpus, **more}
        | {"label": {field: truth, **({"emotion": None} if kind == "emotion" else {})}}
        | {"prediction": {kind: answer}}
        for i, (truth, answer) in enumerate(pairs)
    ]


def scored(emocli: Emocli, records: list[Record], *flags: str) -> Record:
    flags = ("--task", "mmeverse", "--bootstrap", "0", *flags)
    outcome = emocli("score", *flags, stdin=records)
    assert outcome.status == 0, outcome.stderr
    return {**outcome.records[0], "said": outcome.stderr}


def test_single_labels_are_met_letter_for_letter_by_the_answer_in_lower_case(
    emocli: Emocli,
) -> None:
    pairs = [("happy", "Happy "), ("happy", "joy"), ("sad", "sad"), ("sad", "happy"), ("sad", None)]
    row = scored(emocli, made("caer", "test", pairs))
    assert row["caer"]["accuracy"] == pytest.approx(2 / 5)
    # happy: precision 1/2, recall 1/2; sad: precision 1, recall 1/3
    assert row["caer"]["weighted_f1"] == pytest.approx((2 * 0.5 + 3 * 0.5) / 5)
    said = [(answer or "").strip().lower() for _, answer in pairs]
    own = sk.f1_score([t for t, _ in pairs], said, average="weighted", zero_division=0)
    assert row["caer"]["weighted_f1"] == pytest.approx(own)
    assert row["sets"] == {"caer": {"metric": "exact", "records": 5, "off_list": 2}}
    assert "outside of the labels of their set count as wrong: 2 of caer" in row["said"]


def test_a_label_with_capitals_is_never_met_as_in_the_published_code(emocli: Emocli) -> None:
    assert scored(emocli, made("caer", "test", [("Happy", "Happy")]))["caer"]["accuracy"] == 0


def test_sentiment_leaves_out_records_whose_label_is_neutral(emocli: Emocli) -> None:
    pairs = [("positive", "positive"), ("negative", "Negative"), ("negative", "neutral"),
             ("neutral", "positive"), ("neutral", "neutral")]  # fmt: skip
    row = scored(emocli, made("mosi", "test", pairs, "polarity"))
    assert row["mosi"]["accuracy"] == pytest.approx(2 / 3)
    # positive: 1; negative: precision 1, recall 1/2
    assert row["mosi"]["weighted_f1"] == pytest.approx((1 + 2 * 2 / 3) / 3)
    assert row["skipped"] == {"neutral": 2}
    assert row["sets"]["mosi"] == {"metric": "sentiment", "records": 3, "off_list": 1}
    assert row["mer_unibench"] == row["mosi"]["weighted_f1"]


def test_sentiment_as_numbers_counts_by_its_sign(emocli: Emocli) -> None:
    records = [
        {"id": str(i), "dataset": "mosi", "split": "test"}
        | {"label": {"sentiment": y}, "prediction": {"sentiment": p}}
        for i, (y, p) in enumerate([(1.2, 0.4), (-2.0, 0.1), (0.0, 0.3), (-0.2, -3.0)])
    ]
    assert scored(emocli, records)["mosi"]["accuracy"] == pytest.approx(2 / 3)


def test_hit_rate_is_the_mean_over_wheels_that_know_the_label(emocli: Emocli) -> None:
    pairs = [("happy", "joyful"), ("sad", "angry"), ("angry", "mad, sad"), ("neutral", "neutral")]
    row = scored(emocli, made("mer2023", "test1", pairs))
    each = []
    for wheel in wheels.names():
        hits = [wheels.overlap([a], [t], wheel) for t, a in pairs]
        known = [o.common for o in hits if o.gold]
        assert len(known) == 3  # neutral is in no sector
        each.append(sum(known) / len(known))
    assert row["mer2023"]["hit_rate"] == pytest.approx(np.mean(each))
    assert row["mer2023"]["hit_rate"] == pytest.approx(1 / 3)
    listed = made("mer2023", "test1", [("angry", None)])
    listed[0]["prediction"] = {"emotion": "mad", "multi": ["mad", "sad"]}
    assert scored(emocli, listed)["mer2023"]["hit_rate"] == 1


def test_open_vocabulary_is_the_f1_of_the_means(emocli: Emocli) -> None:
    pairs = [(["happy", "angry"], ["joyful"]), (["sad"], ["sad", "angry"]), (["happy"], []),
             (["neutral"], ["happy"])]  # fmt: skip
    records = made("ov-merd", None, pairs, "multi")
    row = scored(emocli, records)
    # On every wheel: precision 1, 1/2, 0; recall 1/2, 1, 0.
    assert row["ov-merd"]["precision"] == pytest.approx(0.5)
    assert row["ov-merd"]["recall"] == pytest.approx(0.5)
    assert row["ov-merd"]["f1"] == pytest.approx(0.5)
    uneven = made("ov-merd", None, [(["sad"], ["sad", "angry"]), (["happy"], ["joyful"])], "multi")
    assert scored(emocli, uneven)["ov-merd"]["f1"] == pytest.approx(2 * 0.75 * 1 / 1.75)


def test_several_labels_agree_with_scikit_learn(emocli: Emocli) -> None:
    pairs = [(["Anger", "Fear"], ["anger"]), (["Peace"], ["peace", "anger", "bliss"]),
             (["Fear"], []), (["Anger"], ["Anger"])]  # fmt: skip
    row = scored(emocli, made("bold", "val", pairs, "multi"))
    truth = np.array([[1, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]])  # anger, fear, peace
    given = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0]])  # bliss is in no label
    own = row["bold"]
    assert own["micro_f1"] == pytest.approx(sk.f1_score(truth, given, average="micro"))
    samples = sk.f1_score(truth, given, average="samples", zero_division=0)
    assert own["samples_f1"] == pytest.approx(samples)
    assert own["jaccard"] == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)
    assert own["map"] == pytest.approx(sk.average_precision_score(truth, given, average="macro"))
    assert row["sets"]["bold"]["off_list"] == 2  # bliss, and no answer
    written = made("bold", "val", [(["Anger", "Fear"], "anger; Fear")], "multi")
    written[0]["prediction"] = {"emotion": "anger; Fear"}
    assert scored(emocli, written)["bold"]["jaccard"] == 1


def test_average_precision_of_zeros_and_ones_is_that_of_scores() -> None:
    random = np.random.default_rng(0)
    truth, given = random.random((40, 6)) < 0.3, random.random((40, 6)) < 0.4
    total = multilabel.sums(truth, given, np.zeros(40, np.int64), 1)[0]
    expected = multilabel.average_precisions(truth, given.astype(float))
    assert multilabel.set_average_precisions(total) == pytest.approx(expected)


def test_means_are_over_the_first_figure_of_the_sets_that_are_there(emocli: Emocli) -> None:
    records = made("caer", "test", [("happy", "happy"), ("sad", "happy")])
    records += made("mosi", "test", [("positive", "positive")], "polarity")
    records += made("mc-eiu", "test", [("wishing", "agreeing")], "intent")
    row = scored(emocli, records)
    first = [row["caer"]["weighted_f1"], 1.0, 0.0]
    assert row["mmeverse_bench"] == pytest.approx(np.mean(first))
    assert row["mer_unibench"] == 1.0
    assert row["averaged"] == {
        "mer_unibench": {"sets": ["mosi"], "of": 9},
        "mmeverse_bench": {"sets": ["caer", "mosi", "mc-eiu-i"], "of": 18},
    }
    assert "mmeverse_bench is over 3 of 18 sets: caer, mosi, mc-eiu-i" in row["said"]


def test_a_corpus_with_two_sets_gives_each_its_answer(emocli: Emocli) -> None:
    (record,) = made("meld", "test", [("joy", "joy")])
    record["label"]["polarity"] = "positive"
    record["prediction"]["polarity"] = "negative"
    row = scored(emocli, [record])
    assert (row["meld-e"]["hit_rate"], row["meld-s"]["accuracy"]) == (1, 0)
    asked = {**record, "prediction": {"emotion": "positive"}}
    asked["instruction"] = {"task": "sentiment"}
    row = scored(emocli, [asked])
    assert row["meld-s"]["accuracy"] == 1
    assert "meld-e" not in row


def test_other_splits_and_corpora_are_skipped_and_counted(emocli: Emocli) -> None:
    records = made("caer", "train", [("happy", "happy")]) + made("caer", "test", [("sad", "sad")])
    records += made("atlantis", "test", [("sad", "sad")])
    row = scored(emocli, records)
    assert (row["scored"], row["skipped"], row["failed"]) == (
        1, {"no_set": 1, "other_split": 1}, 0,
    )  # fmt: skip


def test_a_label_without_a_prediction_fails(emocli: Emocli) -> None:
    records = made("caer", "test", [("happy", "happy"), ("sad", "sad")])
    del records[1]["prediction"]
    outcome = emocli("score", "--task", "mmeverse", "--bootstrap", "0", stdin=records)
    assert outcome.status == 1
    assert outcome.records[0]["failed"] == 1


def test_right_answers_to_every_set_give_one(emocli: Emocli) -> None:
    records = []
    for asked in mmeverse.sets():
        kind = asked["field"]
        spaces = mmeverse.contents()["corpora"][asked["corpus"]].get("spaces", {})
        words = [w for w in spaces.get(kind, ["sad", "happy"]) if w != "neutral"]
        field = "multi" if kind in ("multi", "open") else kind
        truths = [[w] if field == "multi" else w for w in words]
        own = made(asked["corpus"], next(iter(asked.get("splits", [])), None),
                   [(t, t) for t in truths], field)  # fmt: skip
        records += [r | {"id": f"{asked['name']}-{r['id']}"} for r in own]
    row = scored(emocli, records)
    assert (row["mer_unibench"], row["mmeverse_bench"]) == (1, 1)
    assert set(row["sets"]) == {asked["name"] for asked in mmeverse.sets()}
    assert "averaged" in row
    assert " is over " not in row["said"]


def test_intervals_groups_and_tables_come_as_for_other_tasks(emocli: Emocli) -> None:
    pairs = [("happy", "happy"), ("sad", "happy"), ("sad", "sad"), ("happy", "sad")] * 5
    records = made("caer", "test", pairs) + made("e3", "test", [("shy", "shy")] * 5)
    flags = ("--task", "mmeverse", "--bootstrap", "50")
    row = emocli("score", *flags, stdin=records).records[0]
    low, high = row["intervals"]["caer"]["accuracy"]
    assert low < row["caer"]["accuracy"] == 0.5 < high
    groups = emocli("score", *flags, "--by", "corpus", stdin=records).records
    assert [g["by"]["corpus"] for g in groups] == ["caer", "e3"]
    assert groups[1]["mmeverse_bench"] == 1
    shown = emocli("score", *flags, "--table", stdin=records).stdout.decode()
    assert "caer.weighted_f1" in shown
    assert "mmeverse_bench" in shown
