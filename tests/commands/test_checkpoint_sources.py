"""Published classifiers from the cache of the hub, and of films."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest

from emocli.modalities import video_faces
from tests.conftest import Emocli
from tests.encoders import tiny_checkpoints as tiny
from tests.encoders import tiny_faces
from tests.signals import films

TEXTS = [
    {"id": str(i), "text": t, "label": {"emotion": "joy"}} for i, t in enumerate(("a", "b", "c"))
]
FIRST, SECOND = "1" * 40, "2" * 40
RATE_HZ = 2


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hugging Face cache with two commits of org/name; main is the first."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--org--name"
    for commit, names in ((FIRST, ("happy", "sad")), (SECOND, ("sad", "happy"))):
        folder = repository / "snapshots" / commit
        folder.mkdir(parents=True)
        tiny.bert(folder, names)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(FIRST)
    return repository


def test_a_classifier_of_the_hub_is_known_by_its_commit(
    emocli: Emocli, cached: Path, tmp_path: Path
) -> None:
    outcome = emocli("predict", "-q", "--offline", "-m", "org/name", stdin=TEXTS)
    assert outcome.status == 0, outcome.stderr
    assert outcome.records[0]["prediction"]["model"] == f"org/name@hub:{FIRST}"
    of_main = outcome.records[0]["prediction"]["probabilities"]
    other = emocli("predict", "-q", "-m", f"org/name@{SECOND}", stdin=TEXTS)
    assert other.records[0]["prediction"]["probabilities"] != of_main
    for command in (("path", "org/name"), ("verify", "org/name")):
        assert emocli("models", *command).status == 0
    argv = ("models", "export", "org/name", "-o", str(tmp_path / "models.tar"))
    assert emocli(*argv).status == 0


def test_a_calibration_stays_with_its_commit(emocli: Emocli, cached: Path, tmp_path: Path) -> None:
    bundle = str(tmp_path / "bundle")
    outcome = emocli("calibrate", "-q", "-m", "org/name", "-o", bundle, stdin=TEXTS)
    assert outcome.status == 0, outcome.stderr
    reference = orjson.loads(Path(bundle, "config.json").read_bytes())["checkpoint"]
    assert (reference["name"], reference["revision"]) == ("org/name", f"hub:{FIRST}")
    (cached / "refs" / "main").write_text(SECOND)  # the hub goes on
    assert emocli("predict", "-q", "-m", bundle, stdin=TEXTS).status == 0
    shutil.rmtree(cached / "snapshots" / FIRST)
    outcome = emocli("predict", "-q", "-m", bundle, stdin=TEXTS)
    assert (outcome.status, outcome.stdout) == (3, b"")
    assert f"emocli models pull org/name@{FIRST}" in outcome.stderr


def test_an_encoder_of_the_hub_keeps_its_whole_name(emocli: Emocli, cached: Path) -> None:
    argv = ("encode", "-q", "--encoder", "org/name", "--pooling", "logits")
    (record, *_) = emocli(*argv, stdin=TEXTS).records
    assert record["features"]["text"]["encoder"] == "org/name"
    assert record["features"]["text"]["revision"] == f"hub:{FIRST}"


@pytest.fixture
def film(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A film in which everything is a face, as large as its frames."""

    def detect(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.array([(20, 20, 100, 100, 0.9)], np.float32) for _ in images]

    monkeypatch.setattr(video_faces, "detector", lambda *_: (detect, "all"))
    frames = [tiny_faces.draw((180, 240), ((0.5, 0.5, 0.3),), n / 5) for n in range(6)]
    films.of_pictures(tmp_path / "film.mkv", np.stack(frames), RATE_HZ, None)
    return str(tmp_path / "film.mkv")


def test_faces_and_clips_of_a_film_are_classified(
    emocli: Emocli, film: str, tmp_path: Path
) -> None:
    for name, looked in (("vit", "faces"), ("videomae", "times")):
        folder = tmp_path / name
        folder.mkdir()
        tiny.ALL[name](folder)
        outcome = emocli("predict", "-q", "--keep-features", "-m", str(folder), film)
        (record,) = outcome.records
        assert outcome.status == 0, record
        assert record["prediction"]["modalities"] == {"video": 1.0}
        assert record["video"][looked]
        streams = emocli("encode", "-q", "--encoder", str(folder), "--pooling", "logits", film)
        (encoded,) = streams.records
        vector = encoded["features"]["video"]["vector"]
        assert vector == record["features"][name]["vector"]
    assert "faces" not in record["video"]
