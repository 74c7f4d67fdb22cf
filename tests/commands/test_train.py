"""Train: every model becomes a bundle that predicts; groups that are left out are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.commands.train import LANGUAGE
from emocli.commands.train import MODELS as NAMES
from emocli.errors import UsageError
from emocli.training import folds
from tests.conftest import Emocli

Record = dict[str, Any]
RATE = ("--learning-rate", "0.01")
QUICK = ("--epochs", "3", "--batch-size", "32")


def examples(count: int = 96) -> list[Record]:
    """Return records of eight speakers; the first number of each stream tells the label."""
    random = np.random.default_rng(0)
    found = []
    for i in range(count):
        emotion = ("joy", "anger")[i % 2]
        features = {}
        for name, dim in (("audio", 6), ("text", 4)):
            vector = random.normal(size=dim)
            vector[0] = 3 * (1 - 2 * (i % 2)) + 0.3 * vector[0]
            feature = {"modality": name, "encoder": f"{name}-net", "layer": 1, "pooling": "mean"}
            features[name] = {**feature, "dim": dim, "vector": vector.round(3).tolist()}
        label = {"emotion": emotion, "original": emotion}
        speaker = f"s{i // 2 % 8}"
        found.append({"id": f"r{i}", "speaker": speaker, "label": label, "features": features})
    return found


def trained(emocli: Emocli, folder: Path, *flags: str) -> Path:
    done = emocli("train", "-o", str(folder), *flags, stdin=examples())
    assert done.status == 0, done.stderr
    return folder


@pytest.mark.parametrize("model", [n for n in NAMES if n != LANGUAGE])
def test_every_model_becomes_a_bundle_that_predicts(
    emocli: Emocli, tmp_path: Path, model: str
) -> None:
    rate = RATE if model == "linear" else ()
    folder = trained(emocli, tmp_path / "m", "--model", model, "--epochs", "20", *rate)
    records = examples()[:4]
    del records[1]["features"]["text"]
    done = emocli("predict", "--model", str(folder), stdin=records)
    assert done.status == 0, done.stderr
    for record, found in zip(records, done.records, strict=True):
        assert found["prediction"]["emotion"] == record["label"]["emotion"]
        shares = found["prediction"]["modalities"]
        assert set(shares) == set(record["features"])
        assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_gates_are_in_the_record(emocli: Emocli, tmp_path: Path) -> None:
    folder = trained(emocli, tmp_path / "m", "--model", "expert-gating", *QUICK)
    (record,) = emocli("fuse", "--model", str(folder), stdin=examples()[:1]).records
    gates = record["features"]["fused"]["gates"]
    assert set(gates["modalities"]) == {"audio", "text"}
    assert set(gates["experts"]) <= set(gates)
    for weights in gates.values():
        assert sum(weights.values()) == pytest.approx(1, abs=1e-3)


def test_the_same_seed_gives_the_same_weights(emocli: Emocli, tmp_path: Path) -> None:
    a, b, c = (
        trained(emocli, tmp_path / name, *QUICK, "--seed", seed) / "model.safetensors"
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2"))
    )
    assert a.read_bytes() == b.read_bytes() != c.read_bytes()


def test_a_file_says_how_and_a_flag_wins(emocli: Emocli, tmp_path: Path) -> None:
    how = tmp_path / "how.toml"
    how.write_text("[model]\nhidden = 7\n[training]\nepochs = 2\nseed = 5\n")
    folder = trained(emocli, tmp_path / "m", "--config", str(how), "--seed", "6")
    contents = orjson.loads((folder / "config.json").read_bytes())
    assert contents["config"]["hidden"] == 7
    assert (contents["training"]["epochs"], contents["training"]["seed"]) == (2, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model", "how.toml"),
        ("[nosuch]\nhidden = 3", "unknown table nosuch"),
        ("[training]\nepoch = 3", "unknown setting epoch of [training] (one of epochs,"),
        ("[training]\nepochs = '3'", "epochs = '3': must be a whole number"),
        ("[training]\nbatch_size = 0", "batch_size = 0: must be a whole number from 1 to 1e+06"),
        ("[model]\nwidth = 3", "unknown setting width of model mlp (one of"),
        ("[model]\nhidden = 'x'", "[model] hidden = 'x': must be a whole number"),
    ],
)
def test_a_file_that_is_wrong_is_named(
    emocli: Emocli, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "how.toml").write_text(text)
    flags = ("--config", str(tmp_path / "how.toml"), "-o", str(tmp_path / "m"))
    done = emocli("train", *flags, stdin=examples())
    assert done.status in (2, 3)
    assert message in done.stderr


def test_every_record_is_predicted_by_a_model_without_its_group(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    fitted = folds.fitted

    def watched(plan: Any, fitting: Any, dev: Any, report: Any) -> Any:
        seen.append(len(fitting) + len(dev))
        return fitted(plan, fitting, dev, report)

    monkeypatch.setattr(folds, "fitted", watched)
    done = emocli("train", "--cv", "speaker", "--folds", "4", "--epochs", "20", stdin=examples())
    assert done.status == 0, done.stderr
    assert [record["id"] for record in done.records] == [f"r{i}" for i in range(96)]
    by_fold: dict[int, set[str]] = {}
    for record in done.records:
        by_fold.setdefault(record["fold"], set()).add(record["speaker"])
        assert "features" not in record
    assert sorted(map(len, by_fold.values())) == [2, 2, 2, 2]
    assert len(set.union(*by_fold.values())) == 8
    assert seen == [72, 72, 72, 72]
    right = [r["prediction"]["emotion"] == r["label"]["emotion"] for r in done.records]
    assert sum(right) > 90


def test_groups_have_to_be_there() -> None:
    with pytest.raises(UsageError, match="only 2 groups"):
        folds.folds(["a", "b", "a"], 5)
    assert sorted(set(folds.folds(list("abcab"), 5))) == [0, 1, 2]


def test_a_record_without_the_field_is_named(emocli: Emocli) -> None:
    records = examples()
    del records[5]["speaker"]
    done = emocli("train", "--cv", "speaker", *QUICK, stdin=records)
    assert done.status != 0
    assert "r5" in done.stderr or "'speaker'" in done.stderr


def test_what_cannot_be_trained_is_named(emocli: Emocli, tmp_path: Path) -> None:
    assert emocli("train", stdin=examples()).status == 2
    done = emocli("train", "--model", "magic", "-o", str(tmp_path / "m"), stdin=examples())
    assert done.status == 2
    assert "linear, miar, mlp" in done.stderr
    one = [record | {"label": {"emotion": "joy"}} for record in examples()]
    done = emocli("train", "-o", str(tmp_path / "m"), stdin=one)
    assert "one label, joy" in done.stderr


def test_late_fusion_tells_what_each_stream_and_each_rule_gives(
    emocli: Emocli, tmp_path: Path
) -> None:
    flags = ("--model", "late-fusion", "--epochs", "20", "--log", str(tmp_path / "log.jsonl"))
    folder = trained(emocli, tmp_path / "m", *flags)
    contents = orjson.loads((folder / "config.json").read_bytes())
    compared = contents["training"]["compared"]
    assert {row["stream"] for row in compared if "stream" in row} == {"audio", "text"}
    assert {row["rule"] for row in compared if "rule" in row} >= {"sum", "product"}
    done = emocli("plot", "training", str(tmp_path / "log.jsonl"))
    assert done.status == 0, done.stderr
    done = emocli("train", "--model", "late-fusion", "--target", "valence", "-o", "x", stdin=[
        r | {"label": {"valence": 1.0}} for r in examples()
    ])  # fmt: skip
    assert done.status == 2
    assert "predicts labels" in done.stderr
