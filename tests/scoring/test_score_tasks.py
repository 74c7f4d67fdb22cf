"""The tasks of `emocli score` beside classification, through the command line."""

import io

import numpy as np
import orjson
import pandas as pd
import pytest
from scipy.spatial import distance
from sklearn import metrics as sk

from emocli.metrics import distribution, regression
from emocli.records.labels import EMOTIONS


def score(emocli, records, *flags, status=0):
    outcome = emocli("score", "--bootstrap", "40", *flags, stdin=records)
    assert outcome.status == status, outcome.stderr
    return outcome


def one(number, label, prediction, **fields):
    return {"id": f"u{number}", "label": label, "prediction": prediction} | fields


def named(row, labels=EMOTIONS):
    return dict(zip(labels, row.tolist(), strict=True))


def draw(count, seed=0):
    random = np.random.default_rng(seed)
    truth, given = random.dirichlet(np.full(7, 0.5), count), random.dirichlet(np.ones(7), count)
    records = [
        one(
            i,
            {"emotion": EMOTIONS[t.argmax()], "distribution": named(t)},
            {"emotion": EMOTIONS[p.argmax()], "probabilities": named(p)},
            speaker=f"s{i % 12}",
        )
        for i, (t, p) in enumerate(zip(truth, given, strict=True))
    ]
    return records, truth, given


def test_distributions_are_scored_as_scipy_and_the_metrics_say(emocli):
    records, truth, given = draw(200)
    outcome = score(emocli, records)
    (row,) = outcome.records
    assert row["task"] == "distribution"
    assert "task distribution, detected" in outcome.stderr
    js = [distance.jensenshannon(t, p) for t, p in zip(truth, given, strict=True)]
    assert row["js_distance"] == pytest.approx(np.mean(js))
    assert row["jsd_bits"] == pytest.approx(np.mean(np.square(js)) / np.log(2))
    assert row["bhattacharyya"] == pytest.approx(np.sqrt(truth * given).sum(1).mean())
    assert row["r2_per_emotion"] == pytest.approx(sk.r2_score(truth, given))
    for name in distribution.__all__:
        assert row[name] == pytest.approx(getattr(distribution, name)(truth, given))
        low, high = row["intervals"][name]
        assert low < row[name] < high
    majority, chosen = truth.argmax(1), given.argmax(1)
    assert row["uar"] == pytest.approx(sk.balanced_accuracy_score(majority, chosen))
    assert row["log_loss"] == pytest.approx(sk.log_loss(majority, given, labels=range(7)))
    assert row["confusion"]["matrix"] == sk.confusion_matrix(majority, chosen).tolist()
    (plain,) = score(emocli, records, "--task", "classification").records
    assert plain["uar"] == row["uar"]
    assert plain["adaptive_ece"] == row["adaptive_ece"]


def test_votes_are_counted_and_those_of_machines_are_not(emocli):
    records, _, _ = draw(30)
    (whole,) = score(emocli, records).records
    for record in records:
        shares = record["label"]["distribution"]
        record["label"] = {"votes": {k: v * 5 for k, v in shares.items()}}
    (row,) = score(emocli, records).records
    assert row["kl"] == pytest.approx(whole["kl"])
    for record in records:  # a merged distribution stands beside what people said
        record["label"] |= {"distribution": {"joy": 1.0}, "merged": {"rule": "count"}}
    (row,) = score(emocli, records).records
    assert row["kl"] == pytest.approx(whole["kl"])


def test_of_equal_shares_the_first_label_counts_and_they_are_counted(emocli):
    even = {"anger": 0.5, "joy": 0.5}
    records = [one(0, {"distribution": even}, {"probabilities": {"joy": 0.9, "anger": 0.1}})]
    (row,) = score(emocli, records).records
    assert (row["tied"], row["accuracy"], row["soft_accuracy"]) == (1, 1.0, 0.5)
    assert row["confusion"]["labels"] == ["joy"]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"joy": -0.5, "fear": 1.5}, "distribution has the negative value -0.5"),
        ({"joy": 0.0, "fear": 0.0}, "distribution adds to 0, not to 1"),
        ({"joy": 0.5, "fear": 0.1}, "distribution adds to 0.6, not to 1"),
        ({"joy": 0.5, "boredom": 0.5}, "unknown emotion 'boredom'"),
        ({"joy": "much"}, "not numbers in distribution: {'joy': 'much'}"),
        ({"joy": 1.0}, "distribution of 1 classes (joy), others have 2 (fear, joy)"),
    ],
)
def test_a_wrong_distribution_is_named_and_exits_1(emocli, label, message):
    given = {"probabilities": {"joy": 0.5, "fear": 0.5}}
    fine = [one(i, {"distribution": {"joy": 0.5, "fear": 0.5}}, given) for i in range(4)]
    outcome = score(emocli, [*fine, one(9, {"distribution": label}, given)], status=1)
    assert f"u9: {message}" in outcome.stderr
    assert "1 of 5 records cannot be scored" in outcome.stderr
    (row,) = outcome.records
    assert (row["scored"], row["failed"], row["coverage"], row["jsd_bits"]) == (4, 1, 0.8, 0.0)


def test_divergences_bound_each_other_and_impossible_is_not_infinite(emocli):
    records, _, _ = draw(50, seed=3)
    sure = {e: float(e == "joy") for e in EMOTIONS}
    other = {e: float(e == "fear") for e in EMOTIONS}
    records.append(one(99, {"distribution": sure}, {"probabilities": other}))
    for record in records:
        (row,) = score(emocli, [record]).records
        assert row["jsd_nats"] <= 1 - row["bhattacharyya"] + 1e-12 <= row["jsd_bits"] + 2e-12
    assert (row["jsd_bits"], row["kl"]) == pytest.approx((1.0, 36.04), abs=0.01)
    assert row["r2_per_emotion"] is None  # one record has no spread


def test_ratings_are_scored_by_dimension_and_their_mean_is_that_of_the_ccc(emocli):
    random = np.random.default_rng(0)
    truth = random.normal(3, 1, (60, 2))
    given = truth + random.normal(0, 0.5, (60, 2))
    keys = ("valence", "arousal")
    records = [one(i, named(t, keys), named(p, keys)) for i, (t, p) in enumerate(zip(truth, given))]  # noqa: B905
    del records[0]["label"]["arousal"]
    (row,) = score(emocli, records).records
    assert (row["task"], row["rated"]) == ("regression", {"valence": 60, "arousal": 59})
    for i, (name, first) in enumerate(zip(keys, (0, 1), strict=True)):
        y, p = truth[first:, i], given[first:, i]
        assert row[name]["ccc"] == pytest.approx(regression.ccc(y, p))
        assert row[name]["pearson"] == pytest.approx(np.corrcoef(y, p)[0, 1])
        assert row[name]["mae"] == pytest.approx(sk.mean_absolute_error(y, p))
        assert row[name]["rmse"] == pytest.approx(sk.mean_squared_error(y, p) ** 0.5)
        low, high = row["intervals"][name]["ccc"]
        assert low < row[name]["ccc"] < high
    assert row["ccc"] == pytest.approx((row["valence"]["ccc"] + row["arousal"]["ccc"]) / 2)
    score(emocli, records, "--min", "valence.ccc=0.99", status=6)
    del records[1]["prediction"]["arousal"]
    outcome = score(emocli, records, status=1)
    assert "u1: there is a label, but no prediction of arousal" in outcome.stderr
    records[1]["prediction"]["arousal"] = "high"
    outcome = score(emocli, records, status=1)
    assert "u1: prediction.arousal is not a number: 'high'" in outcome.stderr


def test_sentiment_is_scored_as_mmsa_does(emocli):
    y = [3, -2.4, 0, 0.5, -0.6, 1.5, -1.5, 2.6, 0, -3]
    p = [3.4, -1.6, 0.2, -0.2, -0.4, 2.5, -0.5, 2.4, -0.3, -2.2]
    records = [
        one(i, {"sentiment": t}, {"sentiment": g}, dataset="mosi")
        for i, (t, g) in enumerate(zip(y, p, strict=True))
    ]
    (row,) = score(emocli, records).records
    assert row["task"] == "mosi"
    expected = {"mae": 0.56, "corr": 0.9558, "acc7": 0.6, "acc5": 0.8, "acc3": 0.8,
                "acc2_has0": 0.8, "f1_has0": 0.8, "acc2_non0": 0.875, "f1_non0": 0.873}  # fmt: skip
    assert {k: row[k] for k in expected} == pytest.approx(expected, abs=1e-4)
    y = [1, -0.8, 0, 0.2, -0.2, 0.4, -0.4, 0.6, -0.6, 0]
    p = [1.2, -0.6, 0.1, 0.1, -0.3, -0.1, -0.1, 0.8, -0.9, -0.2]
    records = [one(i, {"sentiment": t}, {"sentiment": g}) for i, (t, g) in enumerate(zip(y, p))]  # noqa: B905
    (row,) = score(emocli, records, "--task", "sims").records
    expected = {"mae": 0.2, "corr": 0.9023, "acc2": 0.8, "acc3": 0.7, "acc5": 0.4, "f1": 0.8,
                "acc2_weak": 0.6667, "r2": 0.7896}  # fmt: skip
    assert {k: row[k] for k in expected} == pytest.approx(expected, abs=1e-4)
    assert score(emocli, records).records[0]["task"] == "regression"


def test_several_labels_are_scored_as_scikit_learn_does(emocli):
    random = np.random.default_rng(2)
    truth = random.random((150, 7)) < 0.3
    truth[:, 0] |= ~truth.any(1)
    chances = np.clip(0.5 * truth + 0.6 * random.random(truth.shape), 0, 1)
    records = [
        one(
            i,
            {"multi": [e for e, there in zip(EMOTIONS, t, strict=True) if there]},
            {"probabilities": named(p)},
        )
        for i, (t, p) in enumerate(zip(truth, chances, strict=True))
    ]
    (row,) = score(emocli, records, "--threshold", "0.4").records
    said = chances >= 0.4
    assert row["task"] == "multilabel"
    expected = {
        "micro_f1": sk.f1_score(truth, said, average="micro"),
        "macro_f1": sk.f1_score(truth, said, average="macro"),
        "samples_f1": sk.f1_score(truth, said, average="samples", zero_division=1.0),
        "jaccard": sk.jaccard_score(truth, said, average="samples", zero_division=1.0),
        "exact_match": sk.accuracy_score(truth, said),
        "map": sk.average_precision_score(truth, chances, average="macro"),
    }
    assert {k: row[k] for k in expected} == pytest.approx(expected)
    for name in expected:
        low, high = row["intervals"][name]
        assert low < row[name] < high
    recall = sk.recall_score(truth, said, average=None)
    assert [row["per_class"][e]["recall"] for e in EMOTIONS] == pytest.approx(recall.tolist())
    for record, answer in zip(records, said, strict=True):
        labels = [e for e, there in zip(EMOTIONS, answer, strict=True) if there]
        record["prediction"] = {"emotion": "joy", "multi": labels}
    (bare,) = score(emocli, records).records
    assert bare["micro_f1"] == row["micro_f1"]
    assert bare["map"] is None
    records[3]["label"]["multi"] = ["joy", "boredom"]
    outcome = score(emocli, records, status=1)
    assert "u3: unknown emotion 'boredom'" in outcome.stderr


def test_blends_are_scored_as_blemore_does(emocli):
    pairs = [  # truth, prediction, and what the two accuracies make of it
        ({"joy": 70, "anger": 30}, {"blend": {"anger": 30, "joy": 70}}),  # both, in any order
        ({"joy": 70, "anger": 30}, {"blend": {"joy": 50, "anger": 50}}),  # present only
        ({"joy": 50, "fear": 50}, {"blend": {"joy": 49.6, "fear": 50.4}}),  # rounded: both
        ({"joy": 50, "fear": 50}, {"emotion": "joy"}),  # neither
        ({"sadness": 100}, {"emotion": "sadness"}),  # present, and no blend
        ({"sadness": 100}, {"blend": {"sadness": 70, "joy": 30}}),  # neither, and no blend
        ({"disgust": 30, "joy": 70}, {"blend": {"fear": 30, "joy": 70}}),  # neither
    ]
    records = [one(i, {"blend": t}, p) for i, (t, p) in enumerate(pairs)]
    (row,) = score(emocli, records).records
    assert (row["task"], row["blends"], row["predicted_blends"]) == ("blend", 5, 5)
    assert row["presence"] == pytest.approx(4 / 7)
    assert row["salience"] == pytest.approx(2 / 5)
    assert row["blend_score"] == pytest.approx((4 / 7 + 2 / 5) / 2)
    (single,) = score(emocli, records[4:5], "--task", "blend").records
    assert (single["presence"], single["salience"], single["blend_score"]) == (1.0, None, None)
    wrong = {
        "label.blend adds to 90 per cent, not to 100": (
            {"joy": 60, "fear": 30},
            {"emotion": "joy"},
        ),
        "label.blend has the negative value -30 per cent": (
            {"joy": 130, "fear": -30},
            {"emotion": "joy"},
        ),
        "prediction.blend adds to 1 per cent": ({"joy": 100}, {"blend": {"joy": 1}}),
        "unknown emotion 'bliss'": ({"bliss": 100}, {"emotion": "joy"}),
        "there is a label, but no prediction": ({"joy": 100}, {"probabilities": {}}),
    }
    for message, (truth, prediction) in wrong.items():
        outcome = score(emocli, [*records, one(9, {"blend": truth}, prediction)], status=1)
        assert f"u9: {message}" in outcome.stderr
        assert (outcome.records[0]["scored"], outcome.records[0]["presence"]) == (7, 4 / 7)


def test_an_unknown_figure_lists_those_of_the_task(emocli):
    records, _, _ = draw(5)
    outcome = score(emocli, records, "--min", "ccc=0.5", status=2)
    assert "unknown metric 'ccc'" in outcome.stderr
    assert "jsd_bits" in outcome.stderr
    assert outcome.stdout == b""
    outcome = score(emocli, records, "--task", "blend", "--min", "uar=0.5", status=2)
    assert "presence, salience, blend_score" in outcome.stderr
    refused = score(emocli, [], "--task", "x", status=2)
    assert "unknown task x (one of auto, classification" in refused.stderr


def test_one_class_is_enough_and_no_record_is_told(emocli):
    records = [one(0, {"distribution": {"joy": 1.0}}, {"probabilities": {"joy": 1.0}})]
    (row,) = score(emocli, records).records
    assert (row["bhattacharyya"], row["jsd_nats"], row["accuracy"]) == (1.0, 0.0, 1.0)
    for task in ("distribution", "regression", "multilabel", "mosi", "sims", "blend", "ecf"):
        outcome = score(emocli, [{"id": "a", "label": {}}], "--task", task, status=5)
        assert "nothing to score in 1 records: 1 no_label" in outcome.stderr
        assert outcome.stdout == b""


def test_all_that_is_scored_can_be_drawn(emocli, tmp_path):
    records, _, _ = draw(24)
    ratings = [one(i, {"valence": i}, {"valence": i + i % 3}) for i in range(24)]
    for stream, names in ((records, ("jsd_bits", "confusion")), (ratings, ("valence.ccc",))):
        text = score(emocli, stream, "--format", "table").stdout.decode()
        assert ".." in text
        assert names[0] in text
        text = score(emocli, stream, "--latex").stdout.decode()
        assert r"\toprule" in text
        assert names[0].replace("_", r"\_") in text
        path = tmp_path / "other.jsonl"
        path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in stream))
        text = score(emocli, stream, "--latex", "--compare", str(path)).stdout.decode()
        assert "difference" in text
        text = score(emocli, stream, "--table", "--by", "speaker").stdout.decode()
        assert "speaker" in text
    score(emocli, records, "--latex", "--json", status=2)
    score(emocli, records, "--format", "html", status=2)


@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_a_table_has_a_row_per_metrics_record(emocli, tmp_path, form, delimiter):
    ratings = [
        one(i, {"valence": i}, {"valence": i + i % 3}, speaker=f"s{i % 4}") for i in range(24)
    ]
    written = {}
    for flags in ([], ["--by", "speaker"]):
        rows = score(emocli, ratings, *flags).records
        data = score(emocli, ratings, *flags, "--format", form).stdout
        place = tmp_path / f"x.{form}"
        assert score(emocli, ratings, *flags, "-o", str(place)).stdout == b""
        assert place.read_bytes() == data
        written[len(rows)] = pd.read_csv(io.BytesIO(data), sep=delimiter)
        frame = written[len(rows)]
        assert [*frame["valence.ccc"]] == pytest.approx([row["valence"]["ccc"] for row in rows])
        ends = frame[["valence.ccc_low", "valence.ccc_high"]].to_numpy()
        truth = np.array([row["intervals"]["valence"]["ccc"] for row in rows], float)
        np.testing.assert_allclose(ends, truth)
        assert [*frame["scored"]] == [row["scored"] for row in rows]
    assert [*written[4]["group"]] == ["s0", "s1", "s2", "s3"]
    assert {*written[4]["by"]} == {"speaker"}


def test_a_table_compares_and_leaves_out_what_is_undefined(emocli, tmp_path):
    records, _, _ = draw(24)
    path = tmp_path / "other.jsonl"
    path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in records))
    flags = ["--compare", str(path)]
    (row,) = score(emocli, records, *flags).records
    data = score(emocli, records, *flags, "--format", "csv").stdout
    frame = pd.read_csv(io.BytesIO(data))
    pair = row["compared"]["jsd_bits"]
    found = [frame[f"jsd_bits_{key}"][0] for key in ("other", "difference", "p")]
    assert found == pytest.approx([pair["other"], pair["difference"], pair["p"]])
    nothing = score(emocli, records, "--bootstrap", "0", "--format", "csv").stdout
    assert pd.read_csv(io.BytesIO(nothing))["jsd_bits_low"].isna().all()
    score(emocli, records, "--alignment", "--format", "csv", status=2)
    assert score(emocli, [], "--format", "csv", status=5).stdout == b""
