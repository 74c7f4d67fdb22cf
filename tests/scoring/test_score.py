"""What is special to `emocli score`; the metrics themselves are tested in tests/metrics."""

import io

import numpy as np
import orjson
import pytest
from sklearn import metrics as sk

from emocli.cli import main
from emocli.records.labels import EMOTIONS


def record(number, truth, predicted, probabilities=None, **fields):
    prediction = {"emotion": predicted}
    if probabilities is not None:
        prediction["probabilities"] = probabilities
    label = {"emotion": truth}
    return {"id": f"u{number}", "label": label, "prediction": prediction} | fields


def draw(count, seed=0, labels=EMOTIONS):
    random = np.random.default_rng(seed)
    truth = random.integers(len(labels), size=count)
    scores = random.normal(size=(count, len(labels))) + np.eye(len(labels))[truth]
    table = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return [
        record(
            i,
            labels[truth[i]],
            labels[row.argmax()],
            dict(zip(labels, row.tolist(), strict=True)),
            speaker=f"s{i % 12}",
            dataset="ab"[i % 2],
        )
        for i, row in enumerate(table)
    ]


def arrays(records, labels=EMOTIONS):
    truth = [labels.index(r["label"]["emotion"]) for r in records]
    predicted = [labels.index(r["prediction"]["emotion"]) for r in records]
    return truth, predicted, [list(r["prediction"]["probabilities"].values()) for r in records]


def score(emocli, records, *flags, status=0):
    outcome = emocli("score", "--bootstrap", "50", *flags, stdin=records)
    assert outcome.status == status, outcome.stderr
    return outcome


def test_scikit_learn_says_the_same(emocli):
    records = draw(500)
    (row,) = score(emocli, records).records
    truth, predicted, probabilities = arrays(records)
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "uar": sk.balanced_accuracy_score(truth, predicted),
        "weighted_f1": sk.f1_score(truth, predicted, average="weighted"),
        "macro_f1": sk.f1_score(truth, predicted, average="macro"),
        "log_loss": sk.log_loss(truth, probabilities),
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert row["confusion"]["labels"] == list(EMOTIONS)
    assert row["confusion"]["matrix"] == sk.confusion_matrix(truth, predicted).tolist()
    recall = sk.recall_score(truth, predicted, average=None)
    got = [row["per_class"][emotion]["recall"] for emotion in EMOTIONS]
    assert got == pytest.approx(recall.tolist())
    assert (row["records"], row["scored"], row["skipped"]) == (500, 500, {})
    assert (row["resampled"], row["clusters"], row["bootstrap"]) == ("speaker", 12, 50)
    for name, (low, high) in row["intervals"].items():
        assert low < row[name] < high or name == "ece"  # resampling adds to calibration error


def test_the_bins_of_the_ece_are_there_to_be_drawn(emocli):
    records = draw(300)
    del records[0]["prediction"]["probabilities"]
    (row,) = score(emocli, records).records
    bins = row["reliability"]
    assert [round(b["low"] * 15) for b in bins] == list(range(15))
    assert [b["high"] for b in bins[:-1]] == [b["low"] for b in bins[1:]]
    assert sum(b["records"] for b in bins) == row["with_probabilities"] == 299
    full = [b for b in bins if b["records"]]
    ece = sum(b["records"] * abs(b["accuracy"] - b["confidence"]) for b in full) / 299
    assert ece == pytest.approx(row["ece"])
    assert all(b["low"] < b["confidence"] <= b["high"] for b in full)
    assert bins[0] == {
        "low": 0, "high": pytest.approx(1 / 15), "records": 0, "confidence": None, "accuracy": None
    }  # fmt: skip
    bare = [record(0, "joy", "joy")]
    assert score(emocli, bare).records[0]["reliability"] == []


def test_what_abstaining_would_give_is_told(emocli):
    records = draw(300)
    (row,) = score(emocli, records).records
    listed = row["risk_coverage"]
    assert listed[0]["risk"] == pytest.approx(1 - row["accuracy"])
    assert [round(10 * r["coverage"]) for r in listed] == list(range(10, 0, -1))
    half = next(r for r in listed if r["coverage"] == 0.5)
    most = [max(r["prediction"]["probabilities"].values()) for r in records]
    kept = [r for r, p in zip(records, most, strict=True) if p >= half["confidence"]]
    wrong = [r["prediction"]["emotion"] != r["label"]["emotion"] for r in kept]
    assert (len(kept), sum(wrong) / 150) == (150, pytest.approx(half["risk"]))
    assert 0 < row["aurc"] < listed[0]["risk"]
    bare = score(emocli, [record(0, "joy", "joy")]).records[0]
    assert (bare["aurc"], bare["risk_coverage"]) == (None, [])


def test_what_cannot_be_scored_is_counted_and_told(emocli):
    records = [
        record(0, "joy", "joy"),
        record(1, "joy", "joy", error={"stage": "predict", "code": "x"}),
        record(2, None, "joy"),
        {"id": "u3", "label": {"emotion": "joy"}},
        record(4, "joy", None),
        record(5, "boredom", "joy"),
        {"id": "u6", "label": "joy", "prediction": "joy"},
    ]
    outcome = score(emocli, records, status=1)
    (row,) = outcome.records
    assert (row["records"], row["scored"], row["failed"]) == (7, 1, 3)
    assert row["coverage"] == 1 / 6  # of those with a label
    assert row["skipped"] == {
        "error": 1, "no_label": 1, "no_prediction": 1, "abstained": 1, "unknown_label": 1,
        "bad_label": 1,
    }  # fmt: skip
    assert "u3: there is a label, but no prediction" in outcome.stderr
    assert "u5: unknown emotion 'boredom'" in outcome.stderr
    assert "u6: label is not an object: 'joy'" in outcome.stderr
    assert "3 of 7 records cannot be scored" in outcome.stderr
    assert (
        "scored 1 of 7 records; skipped 1 abstained, 1 bad_label, 1 error, 1 no_label"
        in outcome.stderr
    )
    assert score(emocli, records, "--exit-zero").records == [row]
    fine = [r for r in records if r["id"] not in ("u3", "u5", "u6")]
    assert score(emocli, fine).records[0]["failed"] == 0


def test_nothing_to_score_exits_5_and_says_what_to_run(emocli):
    outcome = score(emocli, [{"id": "u", "label": {"emotion": "joy"}}], status=5)
    assert "nothing to score in 1 records: 1 no_prediction (run emocli predict" in outcome.stderr
    assert outcome.stdout == b""
    outcome = score(emocli, [record(0, "joy", "joy")], "--stream", "nose", status=5)
    assert "no record has unimodal.nose" in outcome.stderr
    assert score(emocli, [], status=5).stdout == b""
    assert score(emocli, [], "--allow-empty").stdout == b""


def test_where_all_records_are_wrong_the_status_is_1(emocli):
    bad = [record(0, "boredom", "joy"), record(1, "boredom", "joy")]
    outcome = score(emocli, bad, status=1)
    assert "nothing to score in 2 records: 2 unknown_label" in outcome.stderr


def test_an_id_that_comes_twice_exits_2(emocli):
    outcome = score(emocli, [record(0, "joy", "joy")] * 2, status=2)
    assert "the id u0 occurs twice" in outcome.stderr
    assert outcome.stdout == b""


def test_half_an_input_is_not_scored(emocli):
    lines = orjson.dumps(record(0, "joy", "joy")) + b'\n{"id": "u1", "lab'
    outcome = score(emocli, lines, status=2)
    assert "<stdin>:2" in outcome.stderr
    assert outcome.stdout == b""


def test_files_are_read_as_one_input(emocli, tmp_path):
    for number in (0, 1):
        line = orjson.dumps(record(number, "joy", "joy"))
        (tmp_path / f"{number}.jsonl").write_bytes(line)
    outcome = emocli("score", str(tmp_path / "0.jsonl"), str(tmp_path / "1.jsonl"))
    assert outcome.records[0]["records"] == 2


def test_by_a_field_gives_one_line_per_value_in_order(emocli):
    records = [*draw(100), {**draw(101)[-1], "dataset": None}]
    rows = score(emocli, records, "--by", "dataset").records
    assert [row["by"] for row in rows] == [{"dataset": "a"}, {"dataset": "b"}, {"dataset": None}]
    (alone,) = score(emocli, [r for r in records if r["dataset"] == "a"]).records
    assert rows[0]["uar"] == alone["uar"]
    assert rows[0]["intervals"] == alone["intervals"]
    rows = score(emocli, records, "--by", "label.emotion").records
    assert {row["by"]["label.emotion"] for row in rows} == set(EMOTIONS)


def test_a_missed_threshold_exits_6_after_the_record_is_written(emocli):
    records = draw(200)
    outcome = score(emocli, records, "--min", "uar=0.99", "--max", "log_loss=0.1", status=6)
    assert len(outcome.records) == 1
    assert "--min is 0.99" in outcome.stderr
    assert "log_loss is " in outcome.stderr
    score(emocli, records, "--min", "uar=0.1", "--max", "log_loss=9")
    score(emocli, records, "--min", "per_class.fear.recall=0.99", status=6)
    score(emocli, [record(0, "joy", "joy")], "--max", "log_loss=9", status=6)  # undefined


@pytest.mark.parametrize(
    "flags",
    [
        ("--min", "uar"),
        ("--min", "uar=high"),
        ("--max", "loss=1"),
        ("--labels", "some"),
        ("--restrict", "all"),
        ("--bootstrap", "-1"),
    ],
)
def test_flags_that_make_no_sense_exit_2(emocli, flags):
    assert score(emocli, draw(5), *flags, status=2).stdout == b""


def test_what_is_resampled_is_the_speaker_else_the_dialogue_else_the_record(emocli):
    def resampled(*flags, **fields):
        records = [
            {**record(i, "joy", "joy"), **{k: f"{v}{i % 5}" for k, v in fields.items()}}
            for i in range(20)
        ]
        (row,) = score(emocli, records, *flags).records
        return row["resampled"], row["clusters"]

    assert resampled(speaker="s", dialogue="d") == ("speaker", 5)
    assert resampled(dialogue="d") == ("dialogue", 5)
    assert resampled() == ("record", 20)
    assert resampled("--cluster", "dialogue", speaker="s", dialogue="d") == ("dialogue", 5)
    assert resampled("--cluster", "none", speaker="s") == ("record", 20)
    assert resampled("--cluster", "subject", speaker="s") == ("record", 20)


def test_records_without_a_speaker_among_others_are_clusters_of_their_own(emocli):
    records = [*draw(24), record(30, "joy", "joy"), record(31, "fear", "joy", dialogue="d")]
    (row,) = score(emocli, records).records
    assert (row["resampled"], row["clusters"]) == ("speaker+dialogue+record", 14)


def test_few_clusters_are_told_and_one_has_no_interval(emocli):
    outcome = score(emocli, [record(i, "joy", "joy", speaker="ann") for i in range(30)])
    assert "only 1 cluster to" in outcome.stderr
    assert outcome.records[0]["intervals"]["uar"] == [None, None]
    assert "clusters" not in score(emocli, draw(50), "--bootstrap", "0").stderr


def test_a_seed_decides(emocli):
    records = draw(100)
    first, again = (score(emocli, records).stdout for _ in range(2))
    assert first == again
    assert (
        score(emocli, records, "--seed", "1").records[0]["intervals"]
        != (orjson.loads(first)["intervals"])
    )


def test_one_streams_own_prediction_can_be_scored(emocli):
    records = draw(60)
    for r in records:
        r["unimodal"] = {"audio": r.pop("prediction")}
    (row,) = score(emocli, records, "--stream", "audio").records
    assert (row["stream"], row["scored"]) == ("audio", 60)
    assert score(emocli, records, "--stream", "video", status=5).records == []


def test_a_model_with_fewer_labels_is_wrong_about_the_others_and_it_is_told(emocli):
    four = ("neutral", "joy", "sadness", "anger")
    records = [*draw(40, labels=four), record(50, "fear", "joy", dict.fromkeys(four, 0.25))]
    outcome = score(emocli, records)
    (row,) = outcome.records
    assert "no prediction names fear" in outcome.stderr
    assert row["per_class"]["fear"] == {
        "precision": None, "recall": 0.0, "f1": 0.0, "support": 1,
    }  # fmt: skip
    losses = [-np.log(r["prediction"]["probabilities"].get(r["label"]["emotion"], 2**-52))
              for r in records]  # fmt: skip
    assert row["log_loss"] == pytest.approx(np.mean(losses))


def test_absent_labels_lower_macro_f1_only_when_asked(emocli):
    records = [record(i, "joy", "joy", dict.fromkeys(EMOTIONS, 1 / 7)) for i in range(12)]
    (row,) = score(emocli, records).records
    assert (row["macro_f1"], row["confusion"]["labels"]) == (1.0, ["joy"])
    (row,) = score(emocli, records, "--labels", "all").records
    assert row["macro_f1"] == pytest.approx(1 / 7)
    assert row["uar"] == 1.0
    assert row["confusion"]["labels"] == list(EMOTIONS)
    assert row["per_class"]["fear"]["recall"] is None


def test_restricting_chooses_among_the_labels_of_the_truth(emocli):
    records = [
        record(0, "joy", "fear", {"joy": 0.3, "anger": 0.1, "fear": 0.6}),
        record(1, "anger", "fear", {"joy": 0.3, "anger": 0.1, "fear": 0.6}),
        record(2, "anger", "fear", {"joy": 0.0, "anger": 0.0, "fear": 1.0}),
        record(3, "anger", "fear"),
    ]
    (row,) = score(emocli, records, "--restrict", "present").records
    assert row["confusion"]["matrix"] == [[1, 0, 0], [1, 0, 2], [0, 0, 0]]
    losses = -np.log([0.75, 0.25, 2**-52])
    assert row["log_loss"] == pytest.approx(losses.mean())
    assert row["with_probabilities"] == 3
    assert (row["restrict"], row["labels"]) == ("present", "present")


def test_words_of_one_side_are_read_as_the_seven_and_shared_words_stay(emocli):
    calm = [record(0, "calm", "neutral", {"neutral": 1.0}), record(1, "joy", "neutral")]
    (row,) = score(emocli, calm).records
    assert row["confusion"] == {"labels": ["neutral", "joy"], "matrix": [[1, 0], [1, 0]]}
    eight = [record(0, "calm", "neutral", {"neutral": 0.6, "calm": 0.4})]
    (row,) = score(emocli, eight).records
    assert row["confusion"]["labels"] == ["neutral", "calm"]
    happy = [record(0, "joy", "happy", {"happy": 0.9, "sad": 0.1})]
    (row,) = score(emocli, happy).records
    assert (row["accuracy"], row["log_loss"]) == (1.0, pytest.approx(-np.log(0.9)))


def test_wrong_probabilities_are_named_and_those_of_other_pipelines_need_none(emocli):
    good = record(0, "joy", "joy", {"joy": 0.5, "fear": 0.5})
    bad = {
        "probabilities adds to 0.7, not to 1": {"joy": 0.7, "fear": 0.0},
        "probabilities has the negative value -0.5": {"joy": 1.5, "fear": -0.5},
        "not numbers in probabilities: {'joy': 'a'}": {"joy": "a"},
        "not numbers in probabilities: [1.0]": [1.0],
        "probabilities of 1 classes (joy), others have 2": {"joy": 1.0},
    }
    for message, probabilities in bad.items():
        records = [good, record(1, "joy", "joy", probabilities), record(2, "joy", "joy")]
        outcome = score(emocli, records, status=1)
        assert f"u1: {message}" in outcome.stderr
        (row,) = outcome.records
        assert (row["scored"], row["failed"], row["with_probabilities"]) == (2, 1, 1)
        assert row["log_loss"] == pytest.approx(np.log(2))
        assert "1 records have no probabilities" in outcome.stderr
    models = [good, record(1, "joy", "joy", {"joy": 1.0})]
    models[1]["prediction"]["model"] = "another"
    assert score(emocli, models).records[0]["with_probabilities"] == 2
    none = [record(i, "joy", "joy", p) for i, p in enumerate([{}, None])]
    assert score(emocli, none).records[0]["log_loss"] is None


def test_layouts_of_probabilities_may_differ_from_record_to_record(emocli):
    records = draw(50)
    turned = [orjson.loads(orjson.dumps(r)) for r in records]
    for r in turned[::2]:
        p = r["prediction"]["probabilities"]
        r["prediction"]["probabilities"] = dict(reversed(p.items()))
    assert score(emocli, turned).stdout == score(emocli, records).stdout


def test_a_table_on_a_terminal_and_json_when_asked(emocli):
    class Terminal(io.BytesIO):
        def isatty(self):
            return True

    lines = b"".join(orjson.dumps(r) + b"\n" for r in draw(30))

    def drawn(*flags):
        stdout = Terminal()
        status = main.run(["score", *flags], io.BytesIO(lines), stdout, io.StringIO())
        return status, stdout.getvalue().decode()

    status, text = drawn()
    assert status == 0
    assert "weighted_f1" in text
    assert "surprise" in text
    assert "speaker" in text
    status, text = drawn("--json")
    assert orjson.loads(text)["records"] == 30
    assert drawn("--min", "uar=0.999")[0] == 6
    table = score(emocli, draw(30), "--table", "--by", "dataset").stdout.decode()
    assert "macro_f1" in table
    assert "\033" not in table


def test_output_gets_the_record_whole(emocli, tmp_path):
    target = tmp_path / "score.json"
    outcome = score(emocli, draw(30), "-o", str(target), "--table")
    assert orjson.loads(target.read_bytes())["records"] == 30
    assert b"weighted_f1" in outcome.stdout
    assert not outcome.stdout.startswith(b"{")


def test_score_imports_neither_torch_nor_scikit_learn():
    import subprocess
    import sys

    code = (
        "import io, sys\nfrom emocli.cli import main\n"
        'line = b\'{"id": "a", "label": {"emotion": "joy"}, '
        '"prediction": {"emotion": "joy"}}\'\n'
        "assert main.run(['score'], io.BytesIO(line), io.BytesIO(), io.StringIO()) == 0\n"
        "sys.exit(len({'torch', 'sklearn', 'scipy', 'rich', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_field_to_group_by_that_no_record_has_is_said(emocli):
    records = [record(i, "joy", "joy", speaker=f"s{i}") for i in range(12)]
    assert "no record has it" not in score(emocli, records, "--by", "speaker").stderr
    outcome = score(emocli, records, "--by", "speaker,spekaer")
    assert "--by spekaer: no record has it" in outcome.stderr
    assert outcome.records[-1]["by"] == {"spekaer": None}


def test_a_cluster_that_records_lack_is_said(emocli):
    records = [record(i, "joy", "joy", speaker=f"s{i}") for i in range(12)]
    assert "--cluster" not in score(emocli, records, "--cluster", "speaker").stderr
    outcome = score(emocli, records, "--cluster", "spekaer")
    assert "--cluster spekaer: records without it are resampled one by one" in outcome.stderr
