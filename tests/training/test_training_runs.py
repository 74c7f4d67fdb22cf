"""Long runs: from files, interrupted and resumed, in several processes, in constant memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch

from emocli import models
from emocli.errors import UsageError
from emocli.io.store import Store
from emocli.training import checkpoints, loop
from emocli.training import data as data_of_training
from emocli.training.data import Filed, Frames, Vectors
from emocli.training.loop import Data, Place, Settings
from tests.conftest import Emocli

Record = dict[str, Any]
ROOT = Path(__file__).parents[2]


def sequences(store: Path, count: int = 48) -> list[Record]:
    """Return records with a sequence of its own length each, in the store, and a vector."""
    random = np.random.default_rng(0)
    found = []
    for i in range(count):
        sign = 3.0 * (1 - 2 * (i % 2))
        frames = random.normal(size=(4 + i % 7, 6)).astype(np.float32)
        frames[:, 0] += sign
        vector = random.normal(size=4)
        vector[0] += sign
        about = {"encoder": "net", "layer": 1}
        audio = {"modality": "audio", **about, "pooling": "frames", "dim": 6}
        text = {"modality": "text", **about, "pooling": "mean", "dim": 4}
        features = {
            "audio": {**audio, "array": Store(store).put_array(frames)},
            "text": {**text, "vector": vector.round(3).tolist()},
        }
        if i % 9 == 4:
            del features["text"]
        label = {
            "emotion": ("joy", "anger")[i % 2],
            "valence": sign + 0.1 * (i % 3),
            "votes": {"joy": 3 - 2 * (i % 2), "anger": 1 + 2 * (i % 2)},
        }
        found.append({"id": f"r{i}", "speaker": f"s{i // 2 % 8}", "label": label})
        found[-1]["features"] = features
    return found


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("EMOCLI_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_records_in_files_are_the_records_in_memory(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frames = [random.normal(size=(n, 3)).astype(np.float32) for n in (2, 5, 1, 4)]
    vectors = [random.normal(size=2).astype(np.float32) for _ in range(4)]
    a, b = Frames(3, lambda name: np.load(tmp_path / name, mmap_mode="r")), Vectors(2)
    for i, (sequence, vector) in enumerate(zip(frames, vectors, strict=True)):
        np.save(tmp_path / f"{i}.npy", sequence)
        a.add(None if i == 2 else f"{i}.npy")
        b.add(None if i == 1 else vector)
    data = Filed({"a": a, "b": b}, torch.arange(4), torch.arange(4))
    rows = data.part(torch.tensor([3, 2, 1])).rows(torch.tensor([2, 0, 1]))  # 1, 3, 2
    assert rows.targets.tolist() == [1, 3, 2]
    assert rows.streams["a"].shape == (3, 5, 3)
    assert rows.masks["a"].sum(1).tolist() == [5, 4, 0]
    assert np.array_equal(rows.streams["a"][1, :4], frames[3])
    assert rows.masks["b"].tolist() == [False, True, True]
    assert np.array_equal(rows.streams["b"][1:], [vectors[3], vectors[2]])
    model = models.build("concat", {"dims": {"a": 3, "b": 2}, "classes": 2})
    loop.standardise(model, data)
    every = np.concatenate([frames[i] for i in (0, 1, 3)])
    there = np.stack([vectors[i] for i in (0, 2, 3)])
    mean = np.concatenate([every.mean(0), there.mean(0)])
    scale = np.concatenate([every.std(0, ddof=1), there.std(0, ddof=1)])
    np.testing.assert_allclose(model.inputs.mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.inputs.scale, scale, rtol=1e-5)
    for stream in (a, b):
        stream.close()


def test_small_sequences_are_opened_once_and_no_more_is_kept_than_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = {"0": 2, "1": 9, "2": 2, "3": 2}  # frames of 12 bytes; one is not small
    monkeypatch.setattr(data_of_training, "SMALL", 5 * 12)
    monkeypatch.setattr(data_of_training, "KEPT", 4 * 12)
    opened: list[str] = []

    def frames(address: str) -> np.ndarray:
        opened.append(address)
        return np.full((sizes[address], 3), int(address), np.float32)

    stream = Frames(3, frames)
    for address in sizes:
        stream.add(address)
    first, again = (stream.read(np.arange(4)) for _ in range(2))
    assert opened == ["0", "1", "2", "3", "1", "3"]
    for values, repeated in zip(first, again, strict=True):
        assert np.array_equal(values, repeated)
    stream.close()


@pytest.mark.parametrize("model", ["concat", "stars", "expert-gating"])
def test_sequences_and_vectors_train_together(emocli: Emocli, store: Path, model: str) -> None:
    records = sequences(store)
    flags = ("--model", model, "--epochs", "15", "--hidden", "16", "--learning-rate", "0.01")
    done = emocli("train", "--cv", "speaker", "--folds", "3", *flags, stdin=records)
    assert done.status == 0, done.stderr
    right = [r["prediction"]["emotion"] == r["label"]["emotion"] for r in done.records]
    assert sum(right) > 42


def test_a_model_without_time_says_what_to_do(emocli: Emocli, store: Path, tmp_path: Path) -> None:
    done = emocli("train", "-m", "mlp", "-o", str(tmp_path / "m"), stdin=sequences(store))
    assert done.status == 2
    assert "features.audio has a time axis" in done.stderr
    assert "stars" in done.stderr


def test_a_stream_that_is_broken_is_left_out_and_told(emocli: Emocli, store: Path) -> None:
    records = sequences(store)
    gone = records[5]["features"]["audio"]["array"]["path"]
    (store / gone).unlink()
    records[3]["features"]["text"]["vector"][0] = 1e300  # no float32
    done = emocli("train", "--cv", "speaker", "-m", "concat", "--epochs", "2", stdin=records)
    assert done.status == 0, done.stderr
    assert "1 record without audio: not_in_store (the first is r5)" in done.stderr
    assert "1 record without text: not_finite (the first is r3)" in done.stderr
    assert len(done.records) == len(records)


def test_features_that_are_no_numbers_are_left_out(emocli: Emocli, store: Path) -> None:
    records = sequences(store)
    for i, vector in ((3, ["x", 1]), (5, [[1], 2]), (7, {})):
        records[i]["features"]["text"]["vector"] = vector
    records[9]["features"]["audio"] = "x"
    for i in (0, 12):
        records[i]["features"]["text"]["vector"] = [1.0, 2.0, 3.0]  # dim says 4
    done = emocli("train", "--cv", "speaker", "-m", "concat", "--epochs", "2", stdin=records)
    assert done.status == 0, done.stderr
    assert "3 records without text: bad_feature (the first is r3)" in done.stderr
    assert "2 records without text: bad_shape (the first is r0)" in done.stderr
    assert "1 record without audio: bad_feature (the first is r9)" in done.stderr
    assert len(done.records) == len(records)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--streams", "audio,vidoe"), "--streams vidoe: no record has it"),
        (("--cv", "speakr"), "r0: --cv speakr: no field 'speakr'"),
    ],
)
def test_a_name_that_no_record_has_is_refused(
    emocli: Emocli, store: Path, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    flags = (*flags, "-m", "concat", "-o", str(tmp_path / "m"))
    done = emocli("train", *flags, stdin=sequences(store))
    assert done.status == 2
    assert message in done.stderr
    assert not (tmp_path / "m").exists()


def test_several_heads_are_learned_at_once(emocli: Emocli, store: Path, tmp_path: Path) -> None:
    records = sequences(store)
    del records[5]["label"]["valence"]
    flags = ("--target", "valence,distribution", "-m", "concat", "--epochs", "60")
    done = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=records)
    assert done.status == 0, done.stderr
    contents = orjson.loads((tmp_path / "m" / "config.json").read_bytes())
    shares, valence = contents["heads"]
    assert (shares["target"], shares["kind"], shares["labels"]) == (
        "distribution",
        "shares",
        ["joy", "anger"],
    )
    known = [r["label"]["valence"] for r in records if "valence" in r["label"]]
    assert valence["mean"] == pytest.approx(np.mean(known))
    assert valence["scale"] == pytest.approx(np.std(known))
    assert contents["metrics"]["dev_jsd_bits"] < 0.02
    assert contents["metrics"]["dev_ccc"] > 0.7


def test_what_was_mixed_of_training_records_is_never_held_out(
    emocli: Emocli, store: Path, tmp_path: Path
) -> None:
    records = sequences(store)
    made = [{**r, "id": f"dime-{r['id']}", "augmented": {"method": "dime"}} for r in records]
    flags = ("-m", "concat", "--epochs", "1", "-o", str(tmp_path / "m"))
    done = emocli("train", *flags, stdin=records + made)
    assert done.status == 0, done.stderr
    contents = orjson.loads((tmp_path / "m" / "config.json").read_bytes())
    assert contents["training"]["records"] == 96
    assert contents["metrics"]["dev_records"] == 6  # one speaker of eight
    done = emocli("train", "--cv", "speaker", "-m", "concat", stdin=records + made)
    assert done.status == 2
    assert "dime-r0" in done.stderr


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"distribution": {"joy": -0.5, "anger": 1.5}}, "is not a distribution"),
        ({"distribution": {"joy": 0.0}}, "adds to 0"),
        ({"distribution": {"joy": 0.5}}, "adds to 0.5, not to 1"),
        ({"votes": {"joy": 0}}, "label.votes adds to 0"),
        ({"distribution": "joy"}, "not numbers in distribution: 'joy'"),
    ],
)
def test_labels_that_are_wrong_are_named(
    emocli: Emocli, store: Path, label: Record, message: str
) -> None:
    records = sequences(store)
    records[7]["label"] = label
    done = emocli("train", "--target", "distribution", "--cv", "speaker", stdin=records)
    assert done.status == 1
    assert "r7" in done.stderr
    assert message in done.stderr


def test_a_target_that_nobody_knows_is_named(emocli: Emocli) -> None:
    for target in ("mood", "emotion,blend", "valence,valence", ""):
        done = emocli("train", "--target", target, "--cv", "speaker", stdin=b"")
        assert done.status == 2, target


def test_a_loss_of_labels_is_refused_where_only_numbers_are_learned(
    emocli: Emocli, store: Path
) -> None:
    flags = ("--target", "valence", "-m", "concat", "--loss", "js", "--cv", "speaker")
    done = emocli("train", *flags, stdin=sequences(store))
    assert (done.status, done.stdout) == (2, b"")
    assert "--loss js needs labels: --target valence has none" in done.stderr


class StopError(Exception):
    """Somebody pulls the plug."""


def blobs(rows: int = 120, seed: int = 0) -> Data:
    random = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, 3, (rows,), generator=random)
    a = torch.randn(rows, 5, 4, generator=random) + targets[:, None, None]
    masks = {n: torch.ones(rows, 5, dtype=torch.bool) for n in "ab"}
    return Data({"a": a, "b": torch.randn(rows, 5, 3, generator=random)}, masks, targets)


@pytest.mark.parametrize("model", ["gated", "stars"])
def test_a_run_that_was_interrupted_ends_with_the_same_weights(model: str, tmp_path: Path) -> None:
    settings = Settings(epochs=6, batch_size=32, even=True)

    def fit(place: Place, stop: int) -> tuple[Any, list[Record]]:
        lines: list[Record] = []

        def report(line: Record) -> None:
            lines.append(line)
            if len(lines) == stop:
                raise StopError

        torch.manual_seed(3)
        one = models.build(model, {"dims": {"a": 4, "b": 3}, "classes": 3, "hidden": 8})
        loop.fit(one, blobs(), blobs(seed=1), settings, report, place=place)
        return one, lines

    whole, lines = fit(Place(), 0)
    file = tmp_path / "run" / "seed-0.safetensors"
    with pytest.raises(StopError):
        fit(Place(checkpoint=file, run="x"), 3)
    assert len(checkpoints.load(file)[1]["lines"]) == 3
    torch.manual_seed(99)
    resumed, again = fit(Place(checkpoint=file, run="x", resume=True), 0)
    assert again == lines
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    with pytest.raises(Exception, match="other records, flags"):
        fit(Place(checkpoint=file, run="y", resume=True), 0)


def test_resume_of_the_command_gives_the_same_bytes(
    emocli: Emocli, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("-m", "concat", "--epochs", "5", "--seeds", "2")
    records = sequences(store)
    whole = emocli("train", *flags, "-o", str(tmp_path / "whole"), stdin=records)
    assert whole.status == 0, whole.stderr
    saved = checkpoints.save

    def cut(file: Path, *rest: Any) -> None:
        saved(file, *rest)
        if file.name == "seed-1.safetensors" and len(rest[1]["lines"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", cut)
    out = tmp_path / "cut"
    assert emocli("train", *flags, "-o", str(out), stdin=records).status == 130
    assert not out.exists()
    assert len(list(tmp_path.glob("cut.part/*"))) == 2
    monkeypatch.setattr(checkpoints, "save", saved)
    log = tmp_path / "log.jsonl"
    done = emocli("train", *flags, "-o", str(out), "--resume", "--log", str(log), stdin=records)
    assert done.status == 0, done.stderr
    for name in ("config.json", "model.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert [(line["seed"], line["epoch"]) for line in lines] == [
        (seed, epoch) for seed in (0, 1) for epoch in range(1, 6)
    ]
    assert not (tmp_path / "cut.part").exists()


def test_resume_refuses_what_has_other_targets_groups_or_held_out_records(
    emocli: Emocli, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, saved = sequences(store), checkpoints.save

    def cut(*given: Any) -> None:
        saved(*given)
        raise KeyboardInterrupt

    def run(*flags: str, records: list[Record] = records) -> tuple[int, str]:
        common = ("train", "-m", "concat", "--epochs", "2", "--loss", "kl", "-o", str(out))
        done = emocli(*common, *flags, stdin=records)
        return done.status, done.stderr

    out, held = tmp_path / "m", tmp_path / "held.jsonl"
    held.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records[:9]))
    monkeypatch.setattr(checkpoints, "save", cut)
    assert run("--target", "distribution")[0] == 130
    monkeypatch.setattr(checkpoints, "save", saved)
    others = [record | {"speaker": record["id"]} for record in records]
    for flags, given in (
        (("--target", "emotion"), records),
        (("--target", "distribution", "--dev", str(held)), records),
        (("--target", "distribution"), others),
    ):
        status, told = run("--resume", *flags, records=given)
        assert (status, "other records, flags" in told) == (3, True), (flags, told)
    assert run("--resume", "--target", "distribution")[0] == 0


def test_a_loss_that_is_not_finite_is_an_error_and_no_model_is_kept(tmp_path: Path) -> None:
    settings, file = Settings(epochs=4), tmp_path / "seed-0.safetensors"

    def fit(epochs: int) -> None:
        model = models.build("concat", {"dims": {"a": 4, "b": 3}, "classes": 3, "hidden": 8})
        place = Place(checkpoint=file, run="x", resume=file.exists())
        changed = replace(settings, epochs=epochs)
        data = blobs()
        loop.fit(model, data, data, changed, lambda _: None, place=place, loss=not_finite)

    def not_finite(logits: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return logits.sum() * float("nan")

    for epochs in (2, 4):  # the second goes on from what JSON keeps of the first
        with pytest.raises(UsageError, match=f"no dev loss of {epochs} epochs is finite"):
            fit(epochs)


@pytest.mark.parametrize("target", ["valence", "emotion,valence"])
def test_class_balanced_sampling_needs_labels(
    emocli: Emocli, store: Path, tmp_path: Path, target: str
) -> None:
    (tmp_path / "how.toml").write_text("[training]\neven = true\n")
    flags = ("--config", str(tmp_path / "how.toml"), "-m", "concat", "-o", str(tmp_path / "m"))
    done = emocli("train", "--target", target, *flags, stdin=sequences(store))
    assert done.status == 2
    assert "class-balanced sampling needs a single labelled target" in done.stderr


def test_several_seeds_are_told_with_mean_and_sd(
    emocli: Emocli, store: Path, tmp_path: Path
) -> None:
    flags = ("-m", "concat", "--epochs", "3", "--seeds", "3", "-o", str(tmp_path / "m"))
    done = emocli("train", *flags, stdin=sequences(store))
    assert "UAR of 3 seeds" in done.stderr
    assert "SD" in done.stderr
    contents = orjson.loads((tmp_path / "m" / "config.json").read_bytes())
    assert set(contents["metrics"]["seeds"]) == {"0", "1", "2"}
    done = emocli("train", *flags[:-2], "--cv", "speaker", stdin=sequences(store))
    assert len({r["id"] for r in done.records}) == len(done.records) == 3 * 48
    assert {r["seed"] for r in done.records} == {0, 1, 2}


@pytest.mark.slow  # 11 s; test_distributed.py has every model
def test_two_processes_have_the_loss_curve_of_one(
    emocli: Emocli, store: Path, tmp_path: Path
) -> None:
    records = tmp_path / "records.jsonl"
    records.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in sequences(store)))
    common = ["train", str(records), "-m", "miar", "--epochs", "4", "--batch-size", "7"]
    common += ["--quiet", "--device", "cpu"]
    curves, outs = [], [["--log", f"{tmp_path}/{n}.jsonl", "-o", f"{tmp_path}/{n}"] for n in "12"]
    assert emocli(*common, *outs[0]).status == 0
    runner = "torch.distributed.run --nproc-per-node 2 --standalone -m -- emocli"
    done = subprocess.run(
        [sys.executable, "-m", *runner.split(), *common, *outs[1]],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    for _, log, *_ in outs:
        curves.append([json.loads(line) for line in Path(log).read_text().splitlines()])
    one, two = curves
    assert len(one) == len(two) == 4
    for first, second in zip(one, two, strict=True):
        assert first["train_loss"] == pytest.approx(second["train_loss"], rel=1e-4)
        assert first["dev_loss"] == pytest.approx(second["dev_loss"], rel=1e-4)
    assert one[0]["train_loss"] != pytest.approx(one[-1]["train_loss"], rel=1e-2)


MEASURE = """
import resource, sys
from emocli.cli import main
status = main.run(["train", sys.argv[1], "-o", sys.argv[2], "--epochs", "1", "-m", "concat", "-q"])
print(status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(store: Path, tmp_path: Path) -> None:
    """A hundred times the records: 3 streams of 256 numbers, 300 MB of them at 100,000."""
    random = np.random.default_rng(0)
    used = []
    for count in (1_000, 100_000):
        file = tmp_path / f"{count}.jsonl"
        vectors = [{n: random.normal(size=256).round(2).tolist() for n in "abc"} for _ in range(50)]
        with open(file, "wb") as out:
            for i in range(count):
                features = {
                    n: {"modality": n, "encoder": "e", "layer": 1, "pooling": "mean", "dim": 256,
                        "vector": v}
                    for n, v in vectors[i % 50].items()
                }  # fmt: skip
                label = {"emotion": ("joy", "anger")[i % 2]}
                record = {"id": f"r{i}", "speaker": f"s{i % 40}", "label": label}
                out.write(orjson.dumps({**record, "features": features}) + b"\n")
        command = [sys.executable, "-c", MEASURE, str(file), str(tmp_path / f"m{count}")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        status, peak = map(int, done.stdout.split()[-2:])
        assert status == 0
        used.append(peak / 1024)  # MiB
    assert used[1] - used[0] < 80, used


def test_a_loss_of_its_own_is_not_silently_another(emocli: Emocli, store: Path) -> None:
    flags = ("--target", "distribution", "--loss", "kl", "--cv", "speaker", "-m", "amber2")
    done = emocli("train", *flags, stdin=sequences(store))
    assert done.status == 2
    assert "amber2 has its own loss" in done.stderr
    done = emocli("train", "--target", "blend", "--cv", "speaker", stdin=sequences(store))
    assert done.status == 5
    assert "no label.blend" in done.stderr
