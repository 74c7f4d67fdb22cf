"""The control: what the other speakers say of a stimulus, beside every figure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from tests.conftest import Emocli

Record = dict[str, Any]
ORDER = ("neutral", "joy", "anger")  # as every table has it


def watched(*labels: str, **more: Any) -> list[Record]:
    """Return a record per letter: a word per stimulus, a letter per speaker, "-" is none."""
    words = {"j": "joy", "a": "anger", "n": "neutral"}
    return [
        {
            "id": f"s{speaker}-v{stimulus}",
            "speaker": f"s{speaker}",
            "stimulus": f"v{stimulus}",
            "label": {"emotion": words[letter]},
            "prediction": {"emotion": "joy"},
            **more,
        }
        for stimulus, letters in enumerate(labels)
        for speaker, letter in enumerate(letters)
        if letter != "-"
    ]


def score(emocli: Emocli, records: list[Record], *flags: str) -> Any:
    done = emocli("score", *flags, stdin=records)
    assert done.status == 0, done.stderr
    return done


def test_the_control_of_six_records_is_that_worked_by_hand(emocli: Emocli) -> None:
    # v0: s0 joy (others: joy, anger; on all stimuli s1 and s2 say joy 3 times: joy), s1 joy (a tie
    # there too: joy comes first), s2 anger (joy, joy). v1: s0 anger (joy, joy), s1 and s2 joy
    # (ties, and joy by all stimuli or by its place). Right: 4 of 6, all of joy, none of anger.
    (row,) = score(emocli, watched("jja", "ajj")).records
    control = row["control"]
    assert control["of"] == "the majority of the other speakers on the same stimulus"
    assert (control["stimuli"], control.get("alone")) == (2, None)
    assert control["accuracy"] == pytest.approx(4 / 6)
    assert control["uar"] == pytest.approx(1 / 2)
    assert control["log_loss"] is None


def test_a_stimulus_of_one_speaker_is_predicted_by_what_others_say_of_all(emocli: Emocli) -> None:
    # v1 was seen by s0 alone: the others said anger twice of v0, and s0's own joy does not count
    (row,) = score(emocli, watched("jaa", "j--")).records
    assert (row["control"]["stimuli"], row["control"]["alone"]) == (1, 1)
    # v0: s0 joy (anger), s1 and s2 anger (a tie of joy and anger; of s0 and the other on all: joy)
    assert row["control"]["accuracy"] == 0


def by_hand(records: list[Record]) -> list[str]:
    """Return the label of the control of every record, by the definition."""
    found = []
    for one in records:
        others = [r for r in records if r["speaker"] != one["speaker"]]
        same = [r for r in others if r["stimulus"] == one["stimulus"]]
        votes, anywhere = (Counter(r["label"]["emotion"] for r in rs) for rs in (same, others))
        ranks = [(votes[word], anywhere[word], -i) for i, word in enumerate(ORDER)]
        found.append(ORDER[ranks.index(max(ranks))])
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_control_is_scored_as_a_file_of_these_predictions_would_be(
    emocli: Emocli, seed: int
) -> None:
    random = np.random.default_rng(seed)
    letters = random.choice(list("janj-"), size=(9, 7))
    records = [r for r in watched(*map("".join, letters)) for _ in range(2)]
    for i, record in enumerate(records):
        record = records[i] = {**record, "id": f"r{i}", "split": ("dev", "test")[i % 2]}
        record["label"] = {"emotion": ORDER[random.integers(3)]} if i % 11 == 0 else record["label"]
    controls = [
        {**r, "prediction": {"emotion": word}}
        for r, word in zip(records, by_hand(records), strict=True)
    ]
    flags = ("--bootstrap", "200", "--by", "split")
    for flags in ((), ("--by", "split"), ("--cluster", "stimulus")):
        flags = ("--bootstrap", "200", *flags)
        rows = score(emocli, records, *flags).records
        expected = score(emocli, controls, *flags).records
        for row, there in zip(rows, expected, strict=True):
            for name in ("accuracy", "uar", "weighted_f1", "macro_f1"):
                assert row["control"][name] == pytest.approx(there[name]), name
                interval = row["control"]["intervals"][name]
                assert interval == pytest.approx(there["intervals"][name]), name


def test_of_numbers_the_control_is_the_mean_of_the_others(emocli: Emocli) -> None:
    truths = [[1.0, 2.0, 6.0], [3.0, 5.0, 4.0]]
    records = watched("jjj", "jjj")
    for record, value in zip(records, np.ravel(truths).tolist(), strict=True):
        record |= {"label": {"valence": value}, "prediction": {"valence": 0.5}}
    (row,) = score(emocli, records).records
    means = [[4.0, 3.5, 1.5], [4.5, 3.5, 4.0]]
    assert row["control"]["of"].startswith("the mean of the other speakers")
    assert row["control"]["valence"]["mae"] == pytest.approx(
        np.abs(np.subtract(truths, means)).mean()
    )
    moments = np.corrcoef(np.ravel(truths), np.ravel(means))[0, 1]
    assert row["control"]["valence"]["pearson"] == pytest.approx(moments)
    del records[0]["label"]["valence"]
    records[0]["label"]["arousal"] = 1.0
    for record in records:
        record["prediction"]["arousal"] = 1.0
    (row,) = score(emocli, records).records
    means = [[3.5 * 0, 6.0, 2.0], [4.5, 3.5, 4.0]]
    gaps = np.abs(np.subtract(truths, means))
    assert row["control"]["valence"]["mae"] == pytest.approx(np.ravel(gaps)[1:].mean())
    assert row["control"]["arousal"]["mae"] is None


def test_every_task_with_labels_has_a_control(emocli: Emocli) -> None:
    records = watched("jja", "aaj", "jjj")
    opposite = {"joy": "anger", "anger": "joy"}
    for record in records:
        word = record["label"]["emotion"]
        other = opposite[word]
        record["label"] |= {
            "distribution": {word: 0.75, other: 0.25},
            "blend": {word: 70, other: 30},
            "multi": [word],
            "sentiment": 1.0 if word == "joy" else -1.0,
        }
        record["prediction"] |= {
            "probabilities": {"joy": 0.5, "anger": 0.5},
            "blend": {"joy": 70, "anger": 30},
            "multi": ["joy"],
            "sentiment": 0.5,
        }
    names = {"distribution": "cosine", "blend": "presence", "multilabel": "micro_f1"}
    names |= {"mosi": "mae", "sims": "mae", "regression": "sentiment.mae"}
    for task, name in names.items():
        (row,) = score(emocli, records, "--task", task).records
        value: Any = row["control"]
        for part in name.split("."):
            value = value[part]
        assert value is not None, task
    (row,) = score(emocli, records, "--task", "distribution").records
    joy = np.array([[0.5, 0.5, 0.75], [0.5, 0.5, 0.25], [0.75, 0.75, 0.75]])  # mean of the others
    truth = np.array([[0.75, 0.75, 0.25], [0.25, 0.25, 0.75], [0.75, 0.75, 0.75]])
    both = (np.stack([p, 1 - p]) for p in (joy, truth))
    shares = np.sqrt(np.prod(list(both), axis=0)).sum(0)
    assert row["control"]["bhattacharyya"] == pytest.approx(shares.mean())


@pytest.mark.parametrize(
    "change",
    [
        {"stimulus": None},
        {"stimulus": "{id}"},
        {"stimulus": "{speaker}-{stimulus}"},
        {"dataset": "{speaker}"},
        {"speaker": None},
    ],
)
def test_without_a_stimulus_that_several_speakers_had_there_is_no_control(
    emocli: Emocli, change: Record
) -> None:
    records = watched("jja", "ajj")
    for record in records:
        record |= {name: form and form.format(**record) for name, form in change.items()}
    done = score(emocli, records)
    assert "control" not in done.records[0]
    assert "control" not in score(emocli, records, "--table").stdout.decode()
    assert "control" not in score(emocli, records, "--format", "csv").stdout.decode()


def test_a_control_is_for_records_that_all_have_a_stimulus(emocli: Emocli) -> None:
    speech = {"speaker": "x", "label": {"emotion": "joy"}, "prediction": {"emotion": "joy"}}
    clips = [{"id": f"c{i}", "dataset": "speech", **speech} for i in range(4)]
    records = [*watched("jja", "ajj", dataset="eeg"), *clips]
    assert "control" not in score(emocli, records).records[0]
    eeg, speech = score(emocli, records, "--by", "dataset").records
    assert eeg["control"]["accuracy"] == pytest.approx(4 / 6)
    assert "control" not in speech


def test_the_control_is_in_every_format(emocli: Emocli, tmp_path: Path) -> None:
    records = watched("jja", "ajj")
    table = score(emocli, records, "--table").stdout.decode()
    (line,) = [line for line in table.splitlines() if line.startswith("│ uar ")]
    assert [cell.strip() for cell in line.split("│")][2:5:2] == ["0.500", "0.500"]
    assert "control: the majority of the other speakers" in " ".join(table.split())
    groups = score(emocli, records, "--table", "--by", "stimulus").stdout.decode()
    assert groups.count("control 0.667") >= 2
    latex = score(emocli, records, "--latex").stdout.decode()
    assert r"uar & 0.500 & [0.500, 1.000] & 0.500 & [0.500, 1.000] \\" in latex
    assert r"\begin{tabular}{lrrrr}" in latex
    groups = score(emocli, records, "--latex", "--by", "stimulus").stdout.decode()
    rows = [line for line in groups.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in rows} == {groups.split("{l")[1].split("}")[0].count("r")}
    text = score(emocli, records, "--format", "csv").stdout.decode()
    (cells,) = csv.DictReader(io.StringIO(text))
    (row,) = score(emocli, records).records
    assert float(cells["uar_control"]) == row["control"]["uar"]
    ends = [float(cells[f"uar_control_{end}"]) for end in ("low", "high")]
    assert ends == row["control"]["intervals"]["uar"]


def test_a_figure_that_is_not_above_its_control_is_told(emocli: Emocli) -> None:
    said = score(emocli, watched("jja", "ajj")).stderr  # all joy is right as often
    text = "the other speakers on the same stimulus reaches accuracy 0.667 without any signal"
    assert text in said
    records = watched("jja", "ajj")
    for record in records:
        record["prediction"] = record["label"]
    assert "without any signal" not in score(emocli, records).stderr


def test_stimuli_and_trials_on_both_sides_of_a_split_are_told(
    emocli: Emocli, tmp_path: Path
) -> None:
    records = watched("jjj", "aaa", "jaj")
    for i, record in enumerate(records):
        record |= {"trial": f"t{i // 2}", "split": ("train", "test")[record["id"][1] == "2"]}
    done = score(emocli, records)
    assert done.records[0]["shared"]["stimuli"] == 3
    assert done.records[0]["shared"]["trials"] == 0
    assert "3 stimuli (3 records) are on both sides of the split" in done.stderr
    assert "train --cv speaker,stimulus" in done.stderr
    train = [{"id": "x", "speaker": "s1", "stimulus": "v9", "trial": records[1]["trial"]}]
    (tmp_path / "train.jsonl").write_bytes(orjson.dumps(train[0]))
    done = score(emocli, records, "--train", str(tmp_path / "train.jsonl"))
    assert done.records[0]["shared"] == {
        **dict.fromkeys(("dialogues", "texts", "stimuli"), 0),
        **dict.fromkeys(("speakers", "trials"), 1),
    }
    assert "share 1 speaker (3 records)" in done.stderr
    assert "1 trial (1 record) is on both sides of the split: windows of one trial" in done.stderr


@pytest.mark.parametrize(
    ("folds", "stimuli"),
    [
        (lambda s, _: s, 2),  # by speaker: both stimuli are in all folds
        (lambda _, v: v, 0),  # by stimulus
        (lambda s, v: f"{s},{v}", 0),  # by both
        (lambda s, v: f"{s},{s}", 2),  # by two other fields
        (lambda s, v: f"{v},{s}", 0),
    ],
)
def test_folds_share_a_stimulus_where_a_model_was_trained_on_it(
    emocli: Emocli, folds: Any, stimuli: int
) -> None:
    records = watched("jja", "ajj")
    for record in records:
        record["fold"] = folds(int(record["speaker"][1:]), int(record["stimulus"][1:]))
    done = score(emocli, records)
    assert done.records[0]["shared"] == {"stimuli": stimuli}
    assert done.stderr.count("both sides of the split") == (stimuli > 0)


def test_records_without_stimuli_and_trials_are_scored_as_ever(emocli: Emocli) -> None:
    records = [{**r, "fold": i % 3} for i, r in enumerate(watched("jja", "ajj"))]
    for record in records:
        del record["stimulus"]
    done = score(emocli, records)
    assert "shared" not in done.records[0]
    assert "control" not in done.records[0]
    assert "both sides" not in done.stderr
