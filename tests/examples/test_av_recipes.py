"""The recipes of BLEMORE and MELD, from made films in their layouts to scores.

Networks of faces have random weights.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.datasets import av_copies
from tests.examples.test_examples import ROOT, read, world  # noqa: F401 - a fixture

World = dict[str, str]


@pytest.fixture
def seeing(world: World, tmp_path: Path) -> World:  # noqa: F811
    """The world of a user who has pulled networks of faces: random ones."""
    cache, models = tmp_path / "cache", tmp_path / "cache" / "models"
    models.mkdir(parents=True)
    for model in (Path(world["EMOCLI_CACHE_DIR"]) / "models").iterdir():
        if not model.name.startswith("face-"):
            (models / model.name).symlink_to(model)
    av_copies.networks(models)
    return {**world, "EMOCLI_CACHE_DIR": str(cache), "JOBS": "1"}


def recipe(name: str, data: Path, out: Path, world: World, **more: str) -> str:  # noqa: F811
    command = ["bash", f"examples/{name}.sh", str(data), str(out)]
    named = {"PYTHON": sys.executable, **more}
    done = subprocess.run(command, env=world | named, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_blemore_from_its_clips_to_a_score_and_answers(seeing: World, tmp_path: Path) -> None:
    data, out = av_copies.blemore(tmp_path / "blemore"), tmp_path / "out"
    few = {"SUBSETS": "audio,video", "OPTIONS": "--learning-rate 1e-3 --epochs 2"}
    shown = recipe("blemore", data, out, seeing, **few)
    assert "mlp, audio,video\nblend: 15 of 15 records" in shown
    judged = read(out / "mlp.audio,video.jsonl").values()
    assert len({(record["speaker"], record["fold"]) for record in judged}) == 5
    assert all(sum(record["prediction"]["blend"].values()) == 100 for record in judged)
    (test, _) = read(out / "test.jsonl").values()
    assert set(test["prediction"]["modalities"]) == {"audio", "video"}
    features = next(iter(read(out / "train.jsonl").values()))["features"]
    assert features["video"]["dim"] == 7 * 263
    assert features["video"]["revision"] == "npm:tiny@0"
    answers = orjson.loads((out / "answers.json").read_bytes())["predictions"]
    assert list(answers) == ["test_0001.mov", "test_0002.mov"]


@pytest.mark.slow  # 12 s; that of BLEMORE goes the same way
def test_meld_from_its_clips_to_a_score(seeing: World, tmp_path: Path) -> None:
    data, out = av_copies.meld(tmp_path / "meld"), tmp_path / "out"
    few = {"MODELS": "late-fusion", "SUBSETS": "text,audio,video", "OPTIONS": "--epochs 2"}
    shown = recipe("meld", data, out, seeing, **few)
    assert "| weighted F1 | text,audio,video |" in shown
    assert "classification: 6 of 6 records" in shown
    train = read(out / "train.jsonl")
    assert set(train["meld/train/dia0_utt0"]["features"]) == {"text"}  # its clip is not there
    assert set(train["meld/train/dia1_utt0"]["missing"]) == {"audio", "video"}  # it is cut off
    assert set(train["meld/train/dia1_utt1"]["features"]) == {"text", "audio", "video"}
    kept, films = read(out / "late-fusion.text,audio,video.jsonl"), read(out / "films.jsonl")
    for name, record in kept.items():
        assert set(record["prediction"]["modalities"]) == {"text", "audio", "video"}
        ours, again = (r[name]["prediction"]["probabilities"] for r in (kept, films))
        assert ours == pytest.approx(again, abs=1e-4)
