"""Where nobody speaks there is no emotion, by the short way and by the long pipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.commands import bundles
from tests.conftest import Emocli

pytestmark = [
    pytest.mark.usefixtures("default_models"),
    pytest.mark.skipif("not __import__('importlib.util').util.find_spec('faster_whisper')"),
]

CLIPS = Path(__file__).parents[2] / "examples" / "clips"


@pytest.fixture
def noise(tmp_path: Path) -> str:
    path = tmp_path / "noise.wav"
    wave = np.random.default_rng(0).normal(0, 0.05, 40_000)
    soundfile.write(path, wave, 16_000)
    return str(path)


def test_noise_has_no_emotion_and_says_why(emocli: Emocli, noise: str, nobody_speaks: None) -> None:
    done = emocli("predict", noise)
    assert done.status == 1
    (record,) = done.records
    assert "prediction" not in record
    assert record["audio"]["speech_s"] < 0.3
    assert {n: note["code"] for n, note in record["missing"].items()} == {
        "audio": "no_speech",
        "text": "no_speech",
        "video": "no_video",
    }
    assert record["error"]["code"] == "no_speech"
    assert "nobody speaks" in record["error"]["message"]


def test_words_that_came_with_noise_are_judged_alone(emocli: Emocli, noise: str) -> None:
    given = {"id": "a", "path": noise, "text": "I am so happy!", "language": "en"}
    done = emocli("predict", stdin=[given])
    assert done.status == 0
    assert done.records[0]["prediction"]["modalities"] == {"text": 1.0}
    assert done.records[0]["missing"]["audio"]["code"] == "no_speech"


def test_the_long_pipe_agrees(emocli: Emocli, noise: str, nobody_speaks: None) -> None:
    lines = emocli("extract-audio", noise).stdout
    lines = emocli("transcribe", stdin=lines).stdout
    lines = emocli("encode", "--modality", "audio", stdin=lines).stdout
    lines = emocli("fuse", stdin=lines).stdout
    (record,) = emocli("predict", stdin=lines).records
    assert record["error"]["code"] == "no_speech"
    assert record["text"] == ""


def test_encode_hears_where_no_stage_did(emocli: Emocli, noise: str) -> None:
    (record,) = emocli("encode", "--modality", "audio", noise).records
    assert record["audio"]["speech_s"] < 0.3
    assert "vector" in record["features"]["audio"]
    given = record | {"text": "I am so happy!", "language": "en"}
    (judged,) = emocli("fuse", stdin=[given]).records
    assert judged["features"]["fused"]["streams"] == ["text"]


def test_other_encoders_take_any_sound(emocli: Emocli, noise: str) -> None:
    (record,) = emocli("encode", "--modality", "audio", "--encoder", "prosody", noise).records
    assert "missing" not in record
    assert "speech_s" not in record.get("audio", {})


def test_a_bundle_without_such_a_rule_judges_any_sound(emocli: Emocli, tmp_path: Path) -> None:
    (record,) = bundles.records(bundles.VECTORS, 7)[6:]
    record["audio"] = {"speech_s": 0.0, "duration": 3.0}
    free = bundles.save(tmp_path / "free", "concat").folder
    strict = bundles.save(tmp_path / "strict", "concat", audio_rules={"min_speech_s": 0.3}).folder
    (judged,) = emocli("fuse", "-m", str(free), stdin=[record]).records
    assert judged["features"]["fused"]["streams"] == list(bundles.DIMS)
    (refused,) = emocli("fuse", "-m", str(strict), stdin=[record]).records
    assert refused["missing"]["audio"]["code"] == "no_speech"
    again = emocli("fuse", "-m", str(free), stdin=[refused | {"error": None}]).records
    assert again[0]["features"]["fused"]["streams"] == list(bundles.DIMS)


def test_features_that_nobody_listened_to_count(emocli: Emocli, tmp_path: Path) -> None:
    (record,) = bundles.records(bundles.VECTORS, 7)[6:]
    strict = bundles.save(tmp_path / "strict", "concat", audio_rules={"min_speech_s": 0.3}).folder
    (judged,) = emocli("fuse", "-m", str(strict), stdin=[record]).records
    assert judged["features"]["fused"]["streams"] == list(bundles.DIMS)


@pytest.mark.parametrize("value", ["much", True, [1]])
def test_seconds_of_another_type_are_named(emocli: Emocli, tmp_path: Path, value: Any) -> None:
    (record,) = bundles.records(bundles.VECTORS, 7)[6:]
    record["audio"] = {"speech_s": value, "duration": 3.0}
    strict = bundles.save(tmp_path / "strict", "concat", audio_rules={"min_speech_s": 0.3}).folder
    (done,) = emocli("fuse", "-m", str(strict), stdin=[record]).records
    assert done["error"]["code"] == "bad_audio"
    assert "speech_s" in done["error"]["message"]
