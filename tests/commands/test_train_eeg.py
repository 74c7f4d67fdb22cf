"""Train on EEG: models of samples and of windows, subjects held out, streams beside others."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch

from emocli import models
from emocli.io.store import Store
from emocli.training import checkpoints
from emocli.training.examples import Examples, collect
from tests.conftest import Emocli

Record = dict[str, Any]
SUBJECTS, CHANNELS, SAMPLES, WINDOWS = 6, 3, 96, 5
EMOTIONS = ("joy", "anger")
TIMED = [name for name in models.names() if models.takes_time(name)]
FLAGS = {
    "eegnet": ("--epochs", "12", "--learning-rate", "0.02"),
    "e2-stage1": ("--epochs", "15", "--hidden", "16", "--learning-rate", "0.005"),
}
CONFIGS = {
    "eegnet": "kernel = 16\nmoments = 24\ndropout = 0.1\nhidden = 8\n",
    "e2-stage1": "dropout = 0.1\n",
}
network = pytest.mark.parametrize("model", list(FLAGS))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("EMOCLI_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def samples(random: np.random.Generator, kind: int) -> np.ndarray:
    """Return noise (time, channels) with a rhythm of six or of twelve cycles in a channel."""
    values = random.normal(size=(SAMPLES + random.integers(9), CHANNELS))
    turns = np.arange(len(values)) / SAMPLES + random.random()
    values[:, 1] += 2 * np.sin(2 * np.pi * (6, 12)[kind] * turns)
    return values


def windows(random: np.random.Generator, kind: int) -> np.ndarray:
    """Return noise (windows, dim), one window tells the kind, another must not be used."""
    values = 0.5 * random.normal(size=(WINDOWS, 2 * CHANNELS))
    telling, wrong = random.permutation(WINDOWS)[:2]
    values[telling, kind] += 4
    values[wrong] = np.nan
    return values


def feature(values: np.ndarray, store: Path, encoder: str, modality: str = "eeg") -> Record:
    about = {"modality": modality, "encoder": encoder, "revision": "1", "layer": None}
    if values.ndim == 1:
        numbers: Record = {"pooling": "mean", "vector": values.round(3).tolist()}
    else:
        numbers = {"pooling": "frames", "array": Store(store).put_array(values.astype("f4"))}
    return about | {"dim": values.shape[-1]} | numbers


def records(model: str, store: Path, count: int = 48) -> list[Record]:
    """Return trials of some subjects, each with the same number of both emotions."""
    random = np.random.default_rng(0)
    make, encoder = (samples, "eeg-signal") if model == "eegnet" else (windows, "band-power")
    found = []
    for i in range(count):
        values = make(random, i % 2)
        found.append(
            {
                "id": f"r{i}",
                "speaker": f"s{i // 2 % SUBJECTS}",
                "trial": f"t{i // 4}",
                "label": {"emotion": EMOTIONS[i % 2]},
                "features": {"eeg": feature(values, store, encoder)},
            }
        )
    return found


def flags(model: str, tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "model.toml"
    file.write_text(f"[model]\n{CONFIGS[model]}", encoding="utf-8")
    return ("train", "-m", model, "--config", str(file), "--batch-size", "12", *FLAGS[model])


def right(found: list[Record]) -> float:
    return sum(r["prediction"]["emotion"] == r["label"]["emotion"] for r in found) / len(found)


@network
def test_subjects_that_were_not_seen_are_predicted_for_every_seed(
    emocli: Emocli, store: Path, tmp_path: Path, model: str
) -> None:
    given = records(model, store)
    cv = ("--cv", "speaker", "--folds", "3", "--seeds", "2")
    done = emocli(*flags(model, tmp_path), *cv, stdin=given)
    assert done.status == 0, done.stderr
    assert len(done.records) == 2 * len(given)
    assert right(done.records) >= 0.85
    for seed in (0, 1):
        pairs = {(r["speaker"], r["fold"]) for r in done.records if r["seed"] == seed}
        assert len(pairs) == SUBJECTS  # no subject is in two folds


@network
def test_a_stopped_run_goes_on_and_ends_with_the_same_bundle(
    emocli: Emocli, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    given, line = records(model, store), (*flags(model, tmp_path), "--seeds", "2")
    whole = emocli(*line, "-o", str(tmp_path / "whole"), stdin=given)
    assert whole.status == 0, whole.stderr
    saved = checkpoints.save

    def cut(file: Path, *rest: Any) -> None:
        saved(file, *rest)
        if file.name == "seed-1.safetensors" and len(rest[1]["lines"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", cut)
    assert emocli(*line, "-o", str(tmp_path / "cut"), stdin=given).status == 130
    monkeypatch.setattr(checkpoints, "save", saved)
    moved = [{**r, "speaker": "s0"} if r["id"] == "r7" else r for r in given]
    refused = emocli(*line, "-o", str(tmp_path / "cut"), "--resume", stdin=moved)
    assert (refused.status, "other records, flags" in refused.stderr) == (3, True)
    done = emocli(*line, "-o", str(tmp_path / "cut"), "--resume", stdin=given)
    assert done.status == 0, done.stderr
    for name in ("config.json", "model.safetensors"):
        written = [(tmp_path / run / name).read_bytes() for run in ("whole", "cut")]
        assert written[0] == written[1]
    again = emocli("predict", "-m", str(tmp_path / "cut"), stdin=given)
    assert again.status == 0, again.stderr
    assert right(again.records) >= 0.9


def losses(emocli: Emocli, given: list[Record], tmp_path: Path, *more: str) -> list[Record]:
    """Return the epochs of a run of stage 1."""
    log = tmp_path / "log.jsonl"
    line = (*flags("e2-stage1", tmp_path), "--epochs", "2", "--log", str(log), *more)
    done = emocli(*line, stdin=given)
    assert done.status == 0, done.stderr
    return [orjson.loads(text) for text in log.read_bytes().splitlines()]


@pytest.mark.parametrize("field", ["speaker", "trial"])
def test_the_subjects_reach_the_loss_of_stage_1_whatever_is_held_out(
    emocli: Emocli, store: Path, tmp_path: Path, field: str
) -> None:
    given = records("e2-stage1", store)
    for epoch in losses(emocli, given, tmp_path, "--cv", field):
        assert epoch["train_contrast"] > 0
        assert epoch["train_adversary"] == pytest.approx(0.1 * np.log(SUBJECTS), rel=0.2)
    for epoch in losses(emocli, [{**r, "speaker": "s0"} for r in given], tmp_path, "--cv", "trial"):
        assert epoch["train_contrast"] == 0  # one person has no partner
        assert "train_adversary" not in epoch


def test_where_no_subject_is_known_nobody_is_hunted_and_all_are_partners(
    emocli: Emocli, store: Path, tmp_path: Path
) -> None:
    given = [{k: v for k, v in r.items() if k != "speaker"} for r in records("e2-stage1", store)]
    for epoch in losses(emocli, given, tmp_path, "-o", str(tmp_path / "m")):
        assert epoch["train_contrast"] > 0
        assert "train_adversary" not in epoch
    assert b'"speakers": 0' in (tmp_path / "m" / "config.json").read_bytes()


def test_subjects_are_numbered_and_who_is_not_known_has_no_number(store: Path) -> None:
    given = records("e2-stage1", store, 4)
    people = ({"speaker": "b"}, {"dialogue": "d"}, {"speaker": "a"}, {"speaker": "b"})
    for record, who in zip(given, people, strict=True):
        del record["speaker"]
        record.update(who)
    with contextlib.closing(Examples(["emotion"])) as examples:
        collect(Store(store), given, examples, None)
        assert examples.known_speakers() == ["b", "a"]
        data = examples.data(examples.targets.heads()).part(torch.tensor([3, 2, 1]))
    assert data.speakers.tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    ("model", "timed"), [*((name, False) for name in models.names()), *((n, True) for n in TIMED)]
)
def test_eeg_stands_beside_text_and_audio_in_any_subset(
    emocli: Emocli, store: Path, tmp_path: Path, model: str, timed: bool
) -> None:
    random, found = np.random.default_rng(1), []
    subsets = [
        set(some) for n in (3, 2, 1) for some in itertools.combinations(("text", "audio", "eeg"), n)
    ]
    for i, some in enumerate(subsets * 4):
        sign = 1 - 2 * (i % 2)
        eeg = random.normal(size=(WINDOWS, 6)) + 3 * sign
        eeg[random.integers(WINDOWS)] = np.nan
        audio, text = random.normal(size=(3, 4)) + 3 * sign, random.normal(size=4) + 3 * sign
        values = {"text": text, "audio": audio, "eeg": eeg}
        values = (
            values
            if timed
            else {n: np.nanmean(v.reshape(-1, v.shape[-1]), 0) for n, v in values.items()}
        )
        features = {
            name: feature(values[name], store, f"{name}-net", name) for name in sorted(some)
        }
        about = {"id": f"r{i}", "speaker": f"s{i // 2 % 5}", "features": features}
        found.append(about | {"label": {"emotion": EMOTIONS[i % 2]}})
    folder = str(tmp_path / "m")
    line = ("train", "-m", model, "-o", folder, "--epochs", "8", "--learning-rate", "0.01")
    small = ("--hidden", "16") if "hidden" in models.fields(model) else ()
    done = emocli(*line, *small, "--batch-size", "8", stdin=found)
    assert done.status == 0, done.stderr
    done = emocli("predict", "-m", folder, stdin=found)
    assert done.status == 0, done.stderr
    assert right(done.records) >= 0.8
    for record, some in zip(done.records, subsets * 4, strict=True):
        assert set(record["prediction"]["modalities"]) == some
