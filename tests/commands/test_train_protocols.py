"""Subjects and stimuli held out at once: what a model knows of the film is told from emotion."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from tests.conftest import Emocli

Record = dict[str, Any]
QUICK = ("-m", "linear", "--learning-rate", "0.03", "--epochs", "40", "--folds", "4")
EMOTIONS = ("joy", "anger")
SPEAKERS, STIMULI, WINDOWS, DIM = 8, 16, 2, 16


def watched(carries: str, seed: int = 0) -> list[Record]:
    """Return windows of speakers who watched all stimuli; each stimulus has one label.

    What the features carry is the stimulus (a fingerprint of its own that says nothing of any
    other stimulus with that label), or the emotion.
    """
    random = np.random.default_rng(seed)
    labels = [EMOTIONS[i % 2] for i in range(STIMULI)]
    prints = {"stimulus": random.normal(size=(STIMULI, DIM)), "emotion": np.zeros((STIMULI, DIM))}
    prints["emotion"][:, 0] = [1.5 * (label == "joy") for label in labels]
    found = []
    for speaker in range(SPEAKERS):
        for stimulus in random.permutation(STIMULI).tolist():
            for window in range(WINDOWS):
                vector = 2 * prints[carries][stimulus] + 0.4 * random.normal(size=DIM)
                about = {"modality": "eeg", "encoder": "net", "layer": None, "pooling": "mean"}
                feature = {**about, "dim": DIM, "vector": vector.round(3).tolist()}
                name = f"s{speaker}-v{stimulus}-w{window}"
                record: Record = {"id": name, "speaker": f"s{speaker}", "trial": f"t{stimulus}"}
                record |= {"stimulus": f"v{stimulus}", "label": {"emotion": labels[stimulus]}}
                found.append({**record, "features": {"eeg": feature}})
    return found


def scored(emocli: Emocli, records: list[Record], cv: str) -> tuple[Record, str]:
    done = emocli("train", *QUICK, "--cv", cv, stdin=records)
    assert done.status == 0, done.stderr
    assert [r["id"] for r in done.records] == [r["id"] for r in records]
    result = emocli("score", "--bootstrap", "100", stdin=done.records)
    assert result.status == 0, result.stderr
    return result.records[0], result.stderr


def test_what_only_the_film_tells_is_lost_where_films_are_held_out_too(emocli: Emocli) -> None:
    records = watched("stimulus")
    row, said = scored(emocli, records, "speaker")
    assert row["accuracy"] > 0.95
    assert row["control"]["accuracy"] == 1.0
    assert row["shared"] == {"stimuli": STIMULI, "trials": 0}
    assert f"{STIMULI} stimuli (256 records) are on both sides of the split" in said
    assert said.count("train --cv speaker,stimulus") == 1
    row, said = scored(emocli, records, "speaker,stimulus")
    assert row["accuracy"] < 0.65
    assert row["control"]["accuracy"] == 1.0
    assert row["shared"]["stimuli"] == 0
    assert "both sides" not in said
    assert "reaches accuracy 1.000 without any signal" in said


def test_what_the_emotion_tells_stays_where_films_are_held_out_too(emocli: Emocli) -> None:
    for cv in ("speaker", "speaker,stimulus"):
        row, _ = scored(emocli, watched("emotion"), cv)
        assert row["accuracy"] > 0.95, cv


def few(speakers: int = 6, stimuli: int = 6) -> list[Record]:
    """Return one record of each speaker and stimulus."""
    records = [r for r in watched("emotion") if r["id"].endswith("-w0")]
    wanted = {f"s{i}" for i in range(speakers)}, {f"v{i}" for i in range(stimuli)}
    return [r for r in records if r["speaker"] in wanted[0] and r["stimulus"] in wanted[1]]


SHORT = ("-m", "linear", "--epochs", "1")


def test_a_cell_is_named_by_its_folds_and_its_records_are_counted(emocli: Emocli) -> None:
    flags = ("--cv", "speaker,stimulus", "--folds", "3,2", "--seeds", "2")
    done = emocli("train", *SHORT, *flags, stdin=few())
    assert done.status == 0, done.stderr
    ids = [f"{r['id']}#seed-{seed}" for seed in (0, 1) for r in few()]
    assert [r["id"] for r in done.records] == ids
    counted = Counter(r["fold"] for r in done.records)
    assert counted == {f"{a},{b}": 12 for a in (1, 2, 3) for b in (1, 2)}
    # 4 speakers and 3 stimuli are left; 1 and 1 of them are for early stopping
    text = "6 models, trained on 6 of 36 records, stopped by 1, tested on 6"
    assert f"--cv speaker,stimulus: {text}" in done.stderr
    quiet = emocli("train", *SHORT, *flags, "--quiet", stdin=few())
    assert "6 models" not in quiet.stderr


def test_any_fields_can_be_held_out_at_once(emocli: Emocli) -> None:
    records = [{**r, "room": f"{i % 5}"} for i, r in enumerate(few())]
    done = emocli("train", *SHORT, "--cv", "stimulus,room", "--folds", "3", stdin=records)
    assert done.status == 0, done.stderr
    for name in ("stimulus", "room"):
        place = ("stimulus", "room").index(name)
        by_name: dict[str, set[str]] = {}
        for r in done.records:
            by_name.setdefault(r[name], set()).add(r["fold"].split(",")[place])
        assert {len(folds) for folds in by_name.values()} == {1}, name


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        ({"stimulus": "{speaker}-{stimulus}"}, (), "every stimulus belongs to one speaker"),
        ({"stimulus": "of {speaker}"}, (), "every speaker belongs to one stimulus"),
        ({}, ("--folds", "5,2,2"), "3 numbers for 2 fields"),
        ({}, ("--folds", "1"), "whole numbers of at least 2"),
        ({}, ("--folds", "two"), "whole numbers of at least 2"),
        ({}, ("--cv", "speaker,speaker"), "each once"),
        ({}, ("--cv", "speaker,"), "names of fields"),
        ({}, ("--cv", "speaker,scene"), "no field 'scene'"),
        ({"stimulus": None}, (), "no field 'stimulus'"),
    ],
)
def test_what_cannot_be_held_out_is_refused_before_any_training(
    emocli: Emocli, change: Record, flags: tuple[str, ...], message: str
) -> None:
    records = few()
    for r in records:
        r |= {name: form and form.format(**r) for name, form in change.items()}
    done = emocli("train", *SHORT, "--cv", "speaker,stimulus", *flags, stdin=records)
    assert (done.status, done.stdout) == (2, b"")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cell_with_nothing_left_to_train_on_is_refused(emocli: Emocli) -> None:
    # whoever does not share the stimulus shares the speaker
    kept = [r for r in few() if r["speaker"] == "s0" or r["stimulus"] == "v0"]
    done = emocli("train", *SHORT, "--cv", "speaker,stimulus", stdin=kept)
    assert (done.status, done.stdout) == (2, b"")
    assert "no records to train on" in done.stderr


def test_a_model_that_never_sees_a_label_is_told(emocli: Emocli) -> None:
    records = few()
    for r in records:
        r["label"] = {"emotion": "fear" if r["stimulus"] == "v0" else r["label"]["emotion"]}
    done = emocli("train", *SHORT, "--cv", "speaker,stimulus", "--folds", "3", stdin=records)
    assert done.status == 0, done.stderr
    assert "models are trained without some label" in done.stderr
    assert "without fear" in done.stderr


@pytest.mark.parametrize("cv", ["speaker", "trial", "stimulus", "id", "session", "speaker,session"])
def test_windows_of_a_trial_are_in_one_fold_whatever_is_held_out(emocli: Emocli, cv: str) -> None:
    records = [r for r in watched("emotion") if int(r["stimulus"][1:]) < 6]
    for i, r in enumerate(records):
        window = int(r["id"][-1])
        crossing = r["speaker"] == "s0" and r["stimulus"] == "v0"
        r["session"] = str(window if crossing else i % 7)
    done = emocli("train", *SHORT, "--cv", cv, "--folds", "3", stdin=records)
    if "session" in cv:  # windows alternate between sessions: all are tied together
        assert done.status == 2
        assert "windows of a trial stay together, and trial t" in done.stderr
        return
    assert done.status == 0, done.stderr
    by_trial: dict[tuple[str, str], set[Any]] = {}
    for r in done.records:
        by_trial.setdefault((r["speaker"], r["trial"]), set()).add(r["fold"])
    assert {len(folds) for folds in by_trial.values()} == {1}
    assert len({r["fold"] for r in done.records}) == 3
    assert ("96 groups become 48" in done.stderr) == (cv == "id")


def test_trials_of_the_training_and_of_the_dev_records_are_told(
    emocli: Emocli, tmp_path: Path
) -> None:
    records = watched("emotion")[:64]
    dev = [{**r, "id": f"dev-{r['id']}"} for r in records[:6]]
    (tmp_path / "dev.jsonl").write_bytes(b"\n".join(map(orjson.dumps, dev)))
    flags = ("--dev", str(tmp_path / "dev.jsonl"), "-o", str(tmp_path / "m"))
    done = emocli("train", *SHORT, *flags, stdin=records)
    assert done.status == 0, done.stderr
    assert "3 trials are in the training and in the --dev records" in done.stderr


def test_a_bundle_is_stopped_early_by_new_subjects_on_new_films(
    emocli: Emocli, tmp_path: Path
) -> None:
    flags = ("--cv", "speaker,stimulus", "--folds", "2", "-o", str(tmp_path / "m"))
    done = emocli("train", *SHORT, *flags, stdin=few())
    assert done.status == 0, done.stderr
    assert "on 4 ->" in done.stderr  # 2 of 6 speakers on 2 of 6 films
