"""Predict: what decides, what is left out, and what people see."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from emocli.commands import _streams, _table
from emocli.labels import EMOTIONS
from tests.conftest import Emocli

pytestmark = pytest.mark.usefixtures("default_models")

CLIPS = Path(__file__).parents[2] / "examples" / "clips"


def test_a_clip_in_any_container_is_judged_by_voice_and_words(emocli: Emocli) -> None:
    names = ["joy.wav", "sadness.flac", "anger.mp3", "fear.opus", "disgust.m4a", "surprise.mp4"]
    outcome = emocli("predict", *(str(CLIPS / name) for name in names))
    assert outcome.status == 0, outcome.stderr
    for record, name in zip(outcome.records, names, strict=True):
        prediction = record["prediction"]
        assert list(prediction["probabilities"]) == list(EMOTIONS)
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert set(prediction["modalities"]) == {"audio", "text"} == set(record["unimodal"])
        assert record["unimodal"]["text"]["emotion"] == Path(name).stem


def test_text_alone_is_judged_by_text(emocli: Emocli) -> None:
    outcome = emocli(
        "predict", "--text", "-", stdin=b"I am so happy!\n\nLeave me alone, I hate you.\n"
    )
    assert outcome.status == 0
    assert [r["prediction"]["emotion"] for r in outcome.records] == ["joy", "anger"]
    assert [r["id"] for r in outcome.records] == ["-#L1", "-#L3"]
    assert outcome.records[0]["prediction"]["modalities"] == {"text": 1.0}
    assert "audio" in outcome.records[0]["missing"]


def test_text_that_does_not_count_is_left_out_and_named(emocli: Emocli) -> None:
    path = str(CLIPS / "joy.wav")
    heard = {"words": [{"text": "mumble", "start": 0, "end": 1, "probability": 0.3}]}
    outcome = emocli(
        "predict",
        stdin=[
            {"id": "polish", "path": path, "text": "Jestem taka szczęśliwa", "language": "pl"},
            {"id": "mumbled", "path": path, "text": "mumble", **heard},
        ],
    )
    assert outcome.status == 0, outcome.stderr
    codes = [record["missing"]["text"]["code"] for record in outcome.records]
    assert codes == ["language", "low_word_probability"]
    assert all(r["prediction"]["modalities"] == {"audio": 1.0} for r in outcome.records)


def test_silence_is_nothing_to_go_by(emocli: Emocli) -> None:
    outcome = emocli("predict", str(CLIPS / "silence.wav"))
    assert outcome.status == 1
    (record,) = outcome.records
    assert record["text"] == ""
    codes = {name: problem["code"] for name, problem in record["missing"].items()}
    assert codes == {"text": "no_speech", "audio": "silence"}
    assert record["error"]["code"] == "no_modality"
    with_text = {"id": "a", "path": str(CLIPS / "silence.wav"), "text": "I am so happy"}
    outcome = emocli("predict", stdin=[with_text])
    assert outcome.status == 0
    assert outcome.records[0]["prediction"]["modalities"] == {"text": 1.0}


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"text": ""}, "empty_text"),
        ({"words": [3]}, "bad_words"),
        ({"words": "none"}, "bad_words"),
        ({"language": 5}, "bad_language"),
    ],
)
def test_fields_of_another_type_are_named(emocli: Emocli, field: dict[str, Any], code: str) -> None:
    good = {"id": "good", "text": "I am so happy", "error": None}
    outcome = emocli("predict", stdin=[{"id": "bad", "text": "hi", **field}, good])
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == code
    assert outcome.records[1]["prediction"]["emotion"] == "joy"


def test_a_video_without_audio_has_nothing_to_go_by(emocli: Emocli) -> None:
    outcome = emocli("predict", str(CLIPS / "silent.mp4"))
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "no_modality"
    assert outcome.records[0]["missing"]["audio"]["code"] == "no_audio_stream"


def test_less_sure_than_asked_names_no_emotion(emocli: Emocli) -> None:
    line = b"The train leaves at ten.\n"
    sure = emocli("predict", "--text", "-", stdin=line).records[0]["prediction"]["confidence"]
    for limit, abstains in ((sure - 0.01, False), (sure + 0.01, True)):
        outcome = emocli("predict", "--text", "-", f"--abstain={limit}", stdin=line)
        assert (outcome.records[0]["prediction"]["emotion"] is None) == abstains
    assert emocli("predict", "--abstain=2", "--text", "x").status == 2


def test_features_of_another_kind_are_refused(emocli: Emocli) -> None:
    path = str(CLIPS / "joy.wav")
    other = emocli("encode", "--modality", "audio", "--encoder", "whisper-tiny.en", path)
    outcome = emocli("predict", stdin=other.stdout)
    assert outcome.status == 3
    assert "features.audio" in outcome.stderr


def test_a_trained_bundle_predicts_and_only_its_own_fusion_counts(
    emocli: Emocli, tmp_path: Path
) -> None:
    lines = [
        ("I am so happy", "joy"),
        ("I hate you", "anger"),
        ("so glad", "joy"),
        ("damn", "anger"),
    ]
    records = [
        {"id": f"{n}", "text": t, "speaker": f"s{n % 5}", "label": {"emotion": e}}
        for n, (t, e) in enumerate(lines * 5)
    ]
    encoded = emocli("encode", "--modality", "text", stdin=records)
    bundle = tmp_path / "mine"
    trained = emocli("train", "-o", str(bundle), "--model", "linear", stdin=encoded.stdout)
    assert trained.status == 0, trained.stderr
    assert (bundle / "card.md").exists()
    fused = emocli("fuse", stdin=encoded.stdout)
    outcome = emocli("predict", "--model", str(bundle), stdin=fused.stdout)
    assert outcome.status == 0, outcome.stderr
    assert [r["prediction"]["emotion"] for r in outcome.records[:4]] == [e for _, e in lines]
    assert outcome.records[0]["prediction"]["model"].startswith("linear@")
    scored = emocli("score", "--min", "uar=0.9", stdin=outcome.stdout)
    assert scored.status == 0
    assert scored.records[0]["accuracy"] == 1.0


def test_a_prediction_is_drawn_for_people() -> None:
    import numpy as np

    prediction: dict[str, Any] = _streams.prediction(
        np.log([0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1]), list(EMOTIONS)
    )
    prediction |= {"modalities": {"audio": 0.75, "text": 0.25}, "model": "default@1"}
    record = {
        "id": "clip.wav",
        "text": "so happy",
        "words": [{"probability": 0.9}, {"probability": 0.7}],
        "unimodal": {"audio": prediction, "text": prediction},
        "prediction": prediction,
        "missing": {"video": {"message": "no face"}},
    }
    console = Console(file=io.StringIO(), width=100)
    assert _table.show_prediction(record, EMOTIONS, console)
    assert _table.show_prediction({"id": "b", "error": {"message": "broken"}}, EMOTIONS, console)
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "clip.wav",
        "joy",
        "40% sure",
        "audio alone",
        "80% sure",
        "audio 75%",
        "no face",
        "broken",
    ):
        assert words in drawn
    assert _table.bar(0.5, 4) == "██"
    assert _table.bar(1 / 32, 4) == "▏"
