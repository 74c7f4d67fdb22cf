"""The default predictor sees: a face joins voice and words, is left out, or is all there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from emocli.bundles import bundle
from emocli.encoders import face_expression
from emocli.io.store import Store
from emocli.modalities import video_faces
from emocli.records.labels import EMOTIONS
from emocli.signals import face_averages
from tests.conftest import Emocli
from tests.encoders import tiny_faces
from tests.signals import films

pytestmark = pytest.mark.usefixtures("default_models", "seeing")

CLIP = Path(__file__).parents[2] / "examples" / "clips" / "joy.wav"
RATE_HZ = 2
WEIGHTS = bundle.read("default").contents["config"]["weights"]
FACE = (75, 35, 90, 110)  # x, y, width, height of the drawn one


def shares(*streams: str) -> dict[str, Any]:
    """Return what streams weigh together."""
    total = sum(WEIGHTS[name] for name in streams)
    return {name: pytest.approx(WEIGHTS[name] / total, abs=1e-4) for name in streams}


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the detector by one that knows where the face is drawn, and that a wall is dark."""

    def detect(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        sizes = [int(image[80:100, 110:130].max() > 200) for image in images]
        return [np.array([(*FACE, 0.65)] * count, np.float32).reshape(-1, 5) for count in sizes]

    monkeypatch.setattr(video_faces, "detector", lambda *_: (detect, "drawn"))


def film(
    path: Path, *, sound: bool = True, faces: bool = True, seconds: float | None = None
) -> str:
    """Write a film of a drawn face, or of its wall, with the speech of a clip."""
    samples, rate = soundfile.read(CLIP, dtype="int16")
    assert rate == 16000
    length = seconds or len(samples) / rate
    seen = ((0.5, 0.5, 0.3),) if faces else ()
    frames = [
        tiny_faces.draw((180, 240), seen, n % 3 / 3) for n in range(int(length * RATE_HZ) + 1)
    ]
    films.of_pictures(path, np.stack(frames), RATE_HZ, samples if sound else None)
    return str(path)


def test_voice_words_and_face_are_judged_together(emocli: Emocli, tmp_path: Path) -> None:
    (record,) = emocli("predict", film(tmp_path / "film.mkv")).records
    assert record["prediction"]["modalities"] == shares("audio", "text", "video")
    assert set(record["unimodal"]) == {"audio", "text", "video"}
    assert record["video"]["faces"]["why"] == "the only face"
    assert "missing" not in record
    logs = {n: np.log(list(u["probabilities"].values())) for n, u in record["unimodal"].items()}
    prior = bundle.read("default").tensors["heads.text.log_prior"].numpy()
    total = logs["audio"] + WEIGHTS["text"] * (logs["text"] - prior) + 0.5 * logs["video"]
    expected = np.exp(total) / np.exp(total).sum()
    found = list(record["prediction"]["probabilities"].values())
    assert found == pytest.approx(expected.tolist(), abs=1e-4)


def test_the_face_is_asked_as_by_hand(emocli: Emocli, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", sound=False)
    (record,) = emocli("predict", path).records
    (encoded,) = emocli(
        "encode", "--modality", "video", "--encoder", "face-expression", path
    ).records
    frames = Store(None).array(encoded["features"]["video"]["array"])
    track = encoded["video"]["faces"]["tracks"][0]
    counted = ((np.array(track["scores"]) - 0.5) / 0.2).clip(0, 1)  # large and sharp they are
    logits = frames[:, face_expression.LOGITS]
    shrunk = face_averages.shrunk(np.array(track["times"]), logits, counted)
    expected = face_averages.probabilities(shrunk, 6.0)
    found = record["unimodal"]["video"]["probabilities"]
    assert list(found) == list(EMOTIONS)
    assert list(found.values()) == pytest.approx(expected.tolist(), abs=1e-4)


def test_without_sound_the_face_is_all_there_is(emocli: Emocli, tmp_path: Path) -> None:
    done = emocli("predict", film(tmp_path / "film.mkv", sound=False))
    (record,) = done.records
    assert done.status == 0, done.stderr
    assert record["prediction"]["modalities"] == {"video": 1.0}
    assert record["prediction"]["probabilities"] == record["unimodal"]["video"]["probabilities"]
    assert set(record["missing"]) == {"audio", "text"}


def test_without_a_face_the_voice_is_judged_as_before(emocli: Emocli, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", faces=False)
    seen, heard = emocli("predict", path), emocli("predict", "--modality", "audio,text", path)
    assert (seen.status, heard.status) == (0, 0)
    assert seen.records[0]["prediction"] == heard.records[0]["prediction"]
    assert seen.records[0]["missing"]["video"]["code"] == "no_face"
    assert "missing" not in heard.records[0]


@pytest.mark.parametrize("command", ["predict", "fuse"])
def test_only_the_modalities_that_are_named_are_used(
    command: str, emocli: Emocli, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mkv")
    (record,) = emocli(command, "--modality", "video", path).records
    assert set(record["unimodal"]) == {"video"}
    assert "text" not in record
    assert "missing" not in record
    assert emocli(command, "--modality", "video", "--strict-modalities", path).status == 0
    refused = emocli(command, "--modality", "eeg", path)
    assert refused.status == 2
    assert "no eeg stream" in refused.stderr


def test_what_was_fused_of_more_is_fused_again(emocli: Emocli, tmp_path: Path) -> None:
    first = emocli("predict", "--keep-features", film(tmp_path / "film.mkv")).records
    (again,) = emocli("predict", "--modality", "audio,text", stdin=first).records
    assert again["prediction"]["modalities"] == shares("audio", "text")


def test_a_sound_has_no_face_and_says_so(emocli: Emocli) -> None:
    (record,) = emocli("predict", str(CLIP)).records
    assert record["prediction"]["modalities"] == shares("audio", "text")
    assert record["missing"]["video"]["code"] == "no_video"


def test_a_film_is_judged_at_the_rate_at_which_it_was_extracted(
    emocli: Emocli, tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mkv", sound=False)
    kept = emocli("extract-video", "--rate", "1", path).records
    (record,) = emocli("predict", stdin=kept).records
    assert record["video"]["sampled"]["rate_hz"] == 1.0
    assert record["prediction"]["modalities"] == {"video": 1.0}


def test_the_head_of_the_face_is_its_logits_over_the_temperature() -> None:
    trained = bundle.read("default")
    head = trained.model().heads["video"]
    vector = torch.randn(3, 263, generator=torch.Generator().manual_seed(0))
    expected = torch.log_softmax(vector[:, face_expression.LOGITS] / 6, -1)
    torch.testing.assert_close(head(vector), expected)
    assert trained.contents["config"]["weights"]["video"] <= 0.5
    assert {spec["modality"] for spec in trained.streams.values()} == {"audio", "text", "video"}
    assert "fear" in (trained.folder / "card.md").read_text(encoding="utf-8").lower()
