"""Annotate: who is asked what, what becomes of answers, and how votes are merged."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.commands.schema import schema
from emocli.errors import RecordError
from emocli.llm import personas
from emocli.metrics import pooling
from emocli.stages.annotate.asking import Question
from emocli.stages.annotate.command import Command
from tests.commands import bundles
from tests.commands.test_schema import wrong
from tests.conftest import Emocli

Record = dict[str, Any]
LABELS = ["joy", "sadness", "anger"]
ALONE = {"audio": {"probabilities": {"joy": 0.02, "sadness": 0.03, "anger": 0.95}}}


def predicted(name: str = "a", votes: dict[str, int] | None = None, **more: Any) -> Record:
    """A record that has its prediction: nothing is computed."""
    probabilities = {"joy": 0.5, "sadness": 0.3, "anger": 0.2}
    return {
        "id": name,
        "label": {"votes": votes} if votes else {},
        "prediction": {"emotion": "joy", "probabilities": probabilities, "model": "m@1"},
        **more,
    }


def many(count: int, **more: Any) -> list[Record]:
    return [predicted(str(i), **more) for i in range(count)]


@pytest.fixture
def script(tmp_path: Path):
    """Write an annotator of a few lines of Python; return its command."""

    def write(body: str) -> str:
        path = tmp_path / "annotator.py"
        path.write_text(f"import json, os, sys, time\n{body}\n")
        return f"{sys.executable} {path}"

    return write


def test_eight_raters_answer_with_personas_temperatures_and_seeds(emocli: Emocli) -> None:
    outcome = emocli("annotate", stdin=[predicted()])
    assert outcome.status == 0, outcome.stderr
    given = outcome.records[0]["annotations"]
    assert [a["rater"] for a in given] == list(range(8))
    assert [a["persona"] for a in given[:5]] == [
        "balanced", "tone of voice", "wording", "subtle vocal cues", "what and how",
    ]  # fmt: skip
    assert len({a["seed"] for a in given}) == len({a["temperature"] for a in given}) == 8
    assert all(a["annotator"] == "m@1" and a["raw"] == a["label"] for a in given)
    assert all(0.1 <= a["temperature"] <= 1 for a in given)


def test_hot_raters_say_the_prediction_and_cold_ones_what_is_likeliest(emocli: Emocli) -> None:
    records = emocli("annotate", "-n", "5", stdin=many(2000)).records
    cold, hot = (np.array([r["annotations"][a]["label"] for r in records]) for a in (0, 4))
    temperature = records[0]["annotations"][4]["temperature"]
    expected = np.array([0.5, 0.3, 0.2]) ** (1 / temperature)
    for label, share in zip(LABELS, expected / expected.sum(), strict=True):
        assert np.mean(hot == label) == pytest.approx(share, abs=0.04)  # 3.6 standard errors
    assert np.mean(cold == "joy") > 0.8


def test_personas_lean_to_what_their_modality_says_alone(emocli: Emocli) -> None:
    leaning = emocli("annotate", "-n", "5", stdin=many(200, unimodal=ALONE)).records
    plain = emocli("annotate", "-n", "5", stdin=many(200)).records

    def anger(records: list[Record], rater: int) -> float:
        return float(np.mean([r["annotations"][rater]["label"] == "anger" for r in records]))

    assert anger(leaning, 1) > anger(plain, 1) + 0.1  # tone of voice
    assert anger(leaning, 4) > anger(plain, 4) + 0.2  # what and how
    assert [r["annotations"][2] for r in leaning] == [r["annotations"][2] for r in plain]  # wording


def test_a_named_model_predicts_anew_and_a_stream_of_another_name_has_its_modality(
    emocli: Emocli, default_models: Path
) -> None:
    record = {"id": "a", "text": "I am so happy", **{k: predicted()[k] for k in ("prediction",)}}
    [other] = emocli("annotate", "--model", "default", stdin=[record]).records
    assert other["annotations"][0]["annotator"] == other["prediction"]["model"] != "m@1"
    features = {"voice": {"modality": "audio"}}
    voice = many(50, unimodal={"voice": ALONE["audio"]}, features=features)
    audio = many(50, unimodal=ALONE)
    said = [emocli("annotate", stdin=r).records for r in (voice, audio)]
    assert [r["annotations"] for r in said[0]] == [r["annotations"] for r in said[1]]


def test_the_modality_of_a_stream_is_known_without_its_features(
    emocli: Emocli, tmp_path: Path
) -> None:
    bundles.save(tmp_path / "bundle", "stars")  # which predicts from each stream, `voice` is one
    model = ["-m", str(tmp_path / "bundle")]
    records = bundles.records(bundles.VECTORS, count=210)[1::7]  # of `voice` alone
    predicted = emocli("predict", *model, stdin=records).records
    without = [{k: v for k, v in r.items() if k != "features"} for r in predicted]
    assert [*without[0]["unimodal"]] == ["voice"]
    said = [emocli("annotate", *model, stdin=r).records for r in (predicted, without)]
    assert [r["annotations"] for r in said[0]] == [r["annotations"] for r in said[1]]


def test_more_raters_are_asked_where_some_are_there(emocli: Emocli) -> None:
    few = emocli("annotate", "-n", "3", stdin=many(4)).records
    more = emocli("annotate", "-n", "9", stdin=few).stdout
    assert more == emocli("annotate", "-n", "9", stdin=many(4)).stdout
    assert emocli("annotate", "-n", "0", stdin=more).stdout == more


def test_the_seed_and_the_id_decide(emocli: Emocli) -> None:
    def said(*flags: str, records: list[Record]) -> list[str]:
        found = emocli("annotate", *flags, stdin=records).records
        return [a["label"] for r in found for a in r["annotations"]]

    same = said(records=many(20))
    assert said(records=many(20)[::-1]) == [x for i in range(19, -1, -1) for x in same[8 * i :][:8]]
    assert said("--seed", "1", records=many(20)) != same


def test_labels_may_be_fewer(emocli: Emocli) -> None:
    records = emocli("annotate", "--labels", "anger, sadness", stdin=many(30)).records
    labels = [a["label"] for r in records for a in r["annotations"]]
    assert set(labels) == {"anger", "sadness"}
    outcome = emocli("annotate", "--labels", "anger,rage", stdin=many(1))
    assert outcome.status == 1
    assert "--labels: unknown label rage (the prediction has joy, sadness, anger)" in (
        outcome.stderr
    )


def test_a_command_sees_record_and_question_but_no_label(emocli: Emocli, script: Any) -> None:
    body = """
for line in sys.stdin:
    record = json.loads(line)
    question = record.pop("annotate")
    assert sorted(question) == ["labels", "persona", "prompt", "seed", "temperature"]
    assert set(record) == {"id", "text", "prediction"}, record
    assert record["text"] in question["prompt"] and "joy, anger" in question["prompt"]
    print("I hear Joy!" if question["persona"] == "balanced" else "anger", flush=True)
"""
    record = predicted(votes={"joy": 2}, text='so "happy"')
    flags = ["--command", script(body), "--labels", "joy,anger", "-n", "2"]
    outcome = emocli("annotate", *flags, stdin=[record])
    assert outcome.status == 0, outcome.stderr
    first, second = outcome.records[0]["annotations"]
    assert (first["raw"], first["label"], second["label"]) == ("I hear Joy!", "joy", "anger")
    assert 'so "happy"' in first["prompt"]
    assert first["annotator"] == f"command: {flags[1]}"


def test_one_process_answers_all_questions(emocli: Emocli, script: Any) -> None:
    body = "for _ in sys.stdin:\n    print(os.getpid(), 'joy', flush=True)"
    records = emocli("annotate", "--command", script(body), stdin=many(5)).records
    assert len({a["raw"] for r in records for a in r["annotations"]}) == 1


def test_a_question_and_an_answer_longer_than_a_pipe_pass(emocli: Emocli, script: Any) -> None:
    body = "for line in sys.stdin:\n    print('joy', 'x' * 200_000, len(line), flush=True)"
    record = predicted(essay="word " * 100_000)
    outcome = emocli("annotate", "-n", "1", "--command", script(body), stdin=[record])
    assert outcome.status == 0, outcome.stderr
    assert int(outcome.records[0]["annotations"][0]["raw"].split()[-1]) > 500_000


def test_an_answer_without_a_label_is_kept_and_counted(emocli: Emocli, script: Any) -> None:
    body = """
for line in sys.stdin:
    rater = json.loads(line)["annotate"]["persona"]
    print("no idea" if rater == "wording" else "joy", flush=True)
"""
    outcome = emocli("annotate", "-n", "4", "--command", script(body), stdin=many(2))
    assert outcome.status == 0
    assert "2 of 8 answers named no label" in outcome.stderr
    [record, _] = outcome.records
    assert record["annotations"][2] | {"prompt": ""} == {
        **record["annotations"][2], "raw": "no idea", "label": None, "prompt": "",
    }  # fmt: skip
    assert record["label"]["votes_by_source"]["synthetic"] == {"joy": 3}


def test_a_record_that_gets_no_label_at_all_fails(emocli: Emocli, script: Any) -> None:
    body = "for line in sys.stdin:\n    print('banana', flush=True)"
    outcome = emocli("annotate", "-n", "2", "--command", script(body), stdin=many(1))
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "no_label"
    assert "'banana'" in outcome.stderr
    assert "joy" in outcome.records[0]["error"]["hint"]


def test_a_command_that_dies_costs_one_record(emocli: Emocli, script: Any) -> None:
    body = """
for line in sys.stdin:
    if json.loads(line)["id"] == "1":
        sys.exit(7)
    print("joy", flush=True)
"""
    outcome = emocli("annotate", "-n", "2", "--command", script(body), stdin=many(3))
    assert outcome.status == 1
    assert [r.get("error", {}).get("code") for r in outcome.records] == [
        None, "annotator_died", None,
    ]  # fmt: skip
    assert "exit status 7" in outcome.stderr


def test_a_command_that_answers_once_is_started_again(emocli: Emocli, script: Any) -> None:
    outcome = emocli(
        "annotate", "-n", "3", "--command", script("input(); print('joy')"), stdin=many(2)
    )
    assert outcome.status == 0, outcome.stderr
    assert [r["label"]["votes_by_source"]["synthetic"] for r in outcome.records] == [{"joy": 3}] * 2


def test_a_command_that_does_not_answer_is_stopped(emocli: Emocli, script: Any, tmp_path: Path):
    body = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    flags = ["--timeout", "1", "-n", "1", "--command", script(body)]
    outcome = emocli("annotate", *flags, stdin=many(1))
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "annotator_timeout"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_two_lines_for_one_question_are_an_error_not_the_next_answer(
    emocli: Emocli, script: Any
) -> None:
    body = "for _ in sys.stdin:\n    sys.stdout.write('joy\\nanger\\n'); sys.stdout.flush()"
    outcome = emocli("annotate", "-n", "1", "--command", script(body), stdin=many(1))
    assert outcome.status == 1
    assert "more than one line" in outcome.stderr


def test_a_line_that_nobody_asked_for_is_an_error_not_the_next_answer(
    script: Any, tmp_path: Path
) -> None:
    body = """
for line in sys.stdin:
    print("joy", flush=True)
    time.sleep(0.2)
    print("anger", flush=True)
    open(json.loads(line)["done"], "w").close()
"""
    done = tmp_path / "done"
    annotator = Command(script(body), LABELS, timeout_s=30)
    question = Question(personas.persona(0), 0.5, 0, "Which?", LABELS)
    assert annotator.ask({"done": str(done)}, question).raw == "joy"
    while not done.exists():
        time.sleep(0.02)
    with pytest.raises(RecordError, match="without a question: b'anger"):
        annotator.ask({"done": str(done)}, question)
    assert annotator.ask({"done": str(done)}, question).raw == "joy"  # of a new process
    annotator.close()


def test_a_last_line_may_lack_its_end(emocli: Emocli, script: Any) -> None:
    body = "sys.stdin.readline(); print('joy', end='')"
    outcome = emocli("annotate", "-n", "2", "--command", script(body), stdin=many(1))
    assert outcome.status == 0, outcome.stderr
    assert [a["raw"] for a in outcome.records[0]["annotations"]] == ["joy", "joy"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--command", "no-such-command-here"], "no-such-command-here"),
        (["--command", "x 'y"], "No closing quotation"),
        (["--command", " "], "empty"),
        (["--command", "x", "--model", "default"], "--model and --command"),
        (["--command", "x", "--timeout", "0"], "--timeout 0"),
        (["--concurrency", "8"], "--concurrency is about a server"),
        (["--command", "cat", "--concurrency", "8"], "--concurrency is about a server"),
        (["--timeout", "60"], "--timeout is about a server"),
        (["--merge", "sum"], "not one of count, shrinkage, none"),
        (["--weight", "0.5"], "only shrinkage has a weight"),
        (["--labels", "joy"], "not two or more"),
        (["--labels", "joy,Joy"], "not two or more"),
        (["--merge", "shrinkage", "--resume", "-o", "x.jsonl"], "needs every record"),
    ],
)
def test_flags_that_make_no_sense_are_usage(
    emocli: Emocli, flags: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = emocli("annotate", *flags, stdin=many(1))
    assert outcome.status == 2
    assert said in outcome.stderr


def test_an_audio_model_hears_the_file_and_its_cost_is_kept(emocli: Emocli, wav: Any, tmp_path):
    from tests.llm.tiny_qwen import build

    folder = str(build(tmp_path / "tiny"))
    labels = ",".join("abcdefghijklmnopqrstuvwxyz")  # one of which random bytes may contain
    flags = ["--audio-lm", folder, "--labels", labels, "-n", "2", "--device", "cpu"]
    records = [{"id": "a", "path": str(wav(seconds=0.5))}, {"id": "b", "text": "no sound"}]
    outcome = emocli("annotate", *flags, stdin=records)
    heard, unheard = outcome.records
    for answer in heard["annotations"]:
        assert answer["annotator"].startswith(f"{folder}@local:")
        assert answer["cost"]["prompt_tokens"] > 12  # a token for each 40 ms, and the words
        assert "Which one emotion" in answer["prompt"]
    assert unheard["error"]["code"] == "no_audio"


def test_votes_are_added_up(emocli: Emocli) -> None:
    [record] = emocli("annotate", stdin=[predicted(votes={"fear": 3, "joy": 1})]).records
    label = record["label"]
    assert label["votes"] == {"fear": 3, "joy": 1} == label["votes_by_source"]["human"]
    synthetic = label["votes_by_source"]["synthetic"]
    assert sum(synthetic.values()) == 8
    expected = {
        w: (label["votes"].get(w, 0) + synthetic.get(w, 0)) / 12 for w in {*synthetic, "fear"}
    }
    assert label["distribution"] == pytest.approx(expected)
    assert label["merged"] == {"rule": "count", "weight": 1, "human": 4, "synthetic": 8}


def test_what_is_added_keeps_the_schema(emocli: Emocli, script: Any) -> None:
    body = "for _ in sys.stdin:\n    print('joy', flush=True)"
    records = [predicted(votes={"fear": 3, "joy": 1})]
    found = emocli("annotate", "--command", script(body), stdin=records).records
    assert [wrong(record, schema()) for record in found] == [[]]
    found[0]["annotations"][0]["rater"] = "first"
    assert wrong(found[0], schema()) == [".annotations[0].rater"]


def test_a_weight_is_that_of_a_synthetic_vote_and_one_is_the_count(emocli: Emocli) -> None:
    records = [predicted(votes={"fear": 3, "joy": 1})]

    def distribution(*flags: str) -> dict[str, float]:
        found: dict[str, float] = emocli("annotate", *flags, stdin=records).records[0]["label"][
            "distribution"
        ]
        return found

    shrunk = ["--merge", "shrinkage", "--weight"]
    assert distribution(*shrunk, "1") == pytest.approx(distribution())
    assert distribution(*shrunk, "0")["fear"] == pytest.approx(0.75)
    assert distribution(*shrunk, "0.25")["fear"] == pytest.approx(3 / (4 + 0.25 * 8))


def simulated(count: int) -> list[Record]:
    """Five people and a predictor that mixes what they mean with something else."""
    random = np.random.default_rng(0)
    records = []
    for i in range(count):
        truth = random.dirichlet([0.7] * 3)
        votes = dict(zip(LABELS, random.multinomial(5, truth).tolist(), strict=True))
        said = 0.6 * truth + 0.4 * np.roll(truth, 1)
        record = predicted(str(i), votes=votes, split="test" if i % 4 == 0 else "train")
        record["prediction"]["probabilities"] = dict(zip(LABELS, said.tolist(), strict=True))
        records.append(record)
    return records


def test_the_weight_is_chosen_on_training_records_and_test_records_keep_peoples(
    emocli: Emocli,
) -> None:
    outcome = emocli("annotate", "--merge", "shrinkage", stdin=simulated(200))
    assert outcome.status == 0, outcome.stderr
    train = [r for r in outcome.records if r["split"] == "train"]
    human, synthetic = (
        np.array([[r["label"]["votes_by_source"][s].get(w, 0) for w in LABELS] for r in train])
        for s in ("human", "synthetic")
    )
    weight = pooling.best_weight(human, synthetic)
    assert 0.1 < weight < 1
    assert {r["label"]["merged"]["weight"] for r in train} == {weight}
    assert f"weighs {weight:.4g}, chosen on 150 records" in outcome.stderr
    expected = pooling.pooled(human, synthetic, weight)
    for record, row in zip(train, expected, strict=True):
        got = [record["label"]["distribution"].get(w, 0) for w in LABELS]
        np.testing.assert_allclose(got, row)
    for record in outcome.records[::4]:
        assert "merged" not in record["label"]
        assert record["label"]["votes_by_source"]["synthetic"]
        assert "distribution" not in record["label"]  # it had votes only


def test_without_votes_to_choose_by_the_weight_is_one_and_that_is_said(emocli: Emocli) -> None:
    outcome = emocli("annotate", "--merge", "shrinkage", stdin=many(2))
    assert outcome.status == 0
    assert "the weight is 1, not chosen" in outcome.stderr
    assert outcome.records[0]["label"]["merged"]["weight"] == 1


def test_merging_none_leaves_and_restores_peoples_distribution(emocli: Emocli) -> None:
    record = predicted(votes={"joy": 1, "anger": 1})
    record["label"]["distribution"] = {"joy": 0.5, "anger": 0.5}
    merged = emocli("annotate", stdin=[record]).records
    assert merged[0]["label"]["distribution"] != record["label"]["distribution"]
    [restored] = emocli("annotate", "--merge", "none", stdin=merged).records
    assert restored["label"]["distribution"] == {"joy": 0.5, "anger": 0.5}
    assert "merged" not in restored["label"]
    [plain] = emocli("annotate", "--merge", "none", stdin=[record]).records
    assert plain["label"]["distribution"] == {"joy": 0.5, "anger": 0.5}


def test_a_distribution_without_votes_is_not_written_over(emocli: Emocli) -> None:
    record = predicted()
    record["label"] = {"distribution": {"fear": 1.0}}
    [kept] = emocli("annotate", stdin=[record]).records
    assert kept["label"]["distribution"] == {"fear": 1.0}
    assert "merged" not in kept["label"]


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("joy", "bad_label"),
        ({"votes": {"joy": -1}}, "bad_votes"),
        ({"votes": {"joy": 0.5}}, "bad_votes"),
        ({"votes": [1, 2]}, "bad_votes"),
    ],
)
@pytest.mark.parametrize("merge", ["count", "shrinkage"])
def test_votes_that_are_no_counts_are_an_error_of_their_record(
    emocli: Emocli, label: Any, code: str, merge: str
) -> None:
    records = [predicted("a", votes={"joy": 2, "anger": 1}), predicted("b") | {"label": label}]
    outcome = emocli("annotate", "--merge", merge, stdin=records)
    assert outcome.status == 1
    assert outcome.records[1]["error"]["code"] == code
    assert "error" not in outcome.records[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"annotations": "none"}, "bad_annotations"),
        ({"prediction": {"probabilities": {"joy": "much", "fear": 0.1}}}, "bad_probabilities"),
        ({"prediction": {"probabilities": {"joy": 1.5, "fear": 0.1}}}, "bad_probabilities"),
    ],
)
def test_what_is_no_annotation_or_probability_is_an_error_of_its_record(
    emocli: Emocli, change: Record, code: str
) -> None:
    outcome = emocli("annotate", stdin=[predicted("a") | change, predicted("b")])
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == code
    assert "error" not in outcome.records[1]


def test_predictions_that_are_there_need_no_torch(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; from emocli.cli import main; status = main.run(['annotate', sys.argv[1]]);"
        "print('torch' in sys.modules, status, file=sys.stderr)"
    )
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in many(3)))
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "False 0"
    assert len(done.stdout.splitlines()) == 3


def sounds(count: int = 64) -> list[Record]:
    """Records of four speakers with a feature, of which the first number tells the emotion."""
    random = np.random.default_rng(0)
    found = []
    for i in range(count):
        vector = random.normal(size=4)
        vector[0] += 2 * (-1) ** i
        votes = {"joy": 2 + i % 2, "anger": 1} if i % 2 == 0 else {"joy": 1, "anger": 2}
        feature = {"modality": "audio", "encoder": "x", "layer": 1, "pooling": "mean", "dim": 4}
        label = {"emotion": ("joy", "anger")[i % 2], "votes": votes, "valence": float(i % 2)}
        features = {"audio": {**feature, "vector": vector.round(3).tolist()}}
        found.append({"id": f"r{i}", "speaker": f"s{i % 4}", "label": label, "features": features})
    return found


def test_a_model_annotates_and_another_learns_what_was_merged(
    emocli: Emocli, tmp_path: Path
) -> None:
    quick = ["--model", "linear", "--epochs", "3"]
    folder, after = str(tmp_path / "before"), str(tmp_path / "after")
    assert emocli("train", *quick, "-o", folder, stdin=sounds()).status == 0
    annotated = emocli("annotate", "--model", folder, "--merge", "shrinkage", stdin=sounds())
    assert annotated.status == 0, annotated.stderr
    assert all(r["label"]["merged"]["human"] in (3, 4) for r in annotated.records)
    learned = emocli(
        "train", "--target", "distribution", *quick, "-o", after, stdin=annotated.records
    )
    assert learned.status == 0, learned.stderr
    assert emocli("predict", "--model", after, stdin=sounds()[:2]).status == 0


def test_a_model_that_answers_in_numbers_is_refused(emocli: Emocli, tmp_path: Path) -> None:
    flags = ["--model", "linear", "--epochs", "2", "--target", "valence"]
    done = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=sounds())
    assert done.status == 0, done.stderr
    outcome = emocli("annotate", "--model", str(tmp_path / "m"), stdin=sounds()[:1])
    assert outcome.status == 3
    assert "regression heads only" in outcome.stderr
