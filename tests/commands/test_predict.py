"""Predict: what decides, what is left out, and what people see."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
import torch
from rich.console import Console

from emocli.bundles import bundle, outputs
from emocli.cli.prediction import bar, show_prediction
from emocli.errors import ConfigError
from emocli.records.labels import EMOTIONS
from tests.commands import bundles
from tests.conftest import Emocli

pytestmark = pytest.mark.usefixtures("default_models")

CLIPS = Path(__file__).parents[2] / "examples" / "clips"


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


@pytest.mark.large(mb=300)
def test_silence_is_nothing_to_go_by(emocli: Emocli) -> None:
    outcome = emocli("predict", str(CLIPS / "silence.wav"))
    assert outcome.status == 1
    (record,) = outcome.records
    assert record["text"] == ""
    codes = {name: problem["code"] for name, problem in record["missing"].items()}
    assert codes == {"text": "no_speech", "audio": "silence", "video": "no_video"}
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
    clip = {"id": "a", "path": str(CLIPS / "joy.wav"), "text": "I got the job!"}
    other = emocli("encode", "--modality", "audio", "--encoder", "whisper-tiny.en", stdin=[clip])
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
    prediction: dict[str, Any] = outputs.prediction(
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
    assert show_prediction(record, EMOTIONS, console)
    assert show_prediction({"id": "b", "error": {"message": "broken"}}, EMOTIONS, console)
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
    assert bar(0.5, 4) == "██"
    assert bar(1 / 32, 4) == "▏"


def test_vectors_that_it_computed_are_written_only_if_asked_for(emocli: Emocli) -> None:
    clip = {"id": "a", "text": "I am so happy", "mine": 1}
    silent = {"id": "b", "path": str(CLIPS / "silence.wav"), "text": ""}
    plain = emocli("predict", stdin=[clip, silent]).records
    kept = emocli("predict", "--keep-features", stdin=[clip, silent]).records
    assert [*kept[0]["features"]] == ["text", "fused"]
    assert "features" not in plain[0]
    assert "features" not in plain[1]
    assert plain[1]["error"]["code"] == "no_modality"
    del kept[0]["features"]
    assert plain == kept


def test_features_that_came_in_stay_as_they_are(emocli: Emocli) -> None:
    encoded = emocli("encode", "--modality", "text", stdin=[{"id": "a", "text": "So happy"}])
    (record,) = encoded.records
    (answer,) = emocli("predict", stdin=[record]).records
    assert answer["features"] == record["features"]
    fused = emocli("fuse", stdin=[record]).records[0]
    (again,) = emocli("predict", stdin=[fused]).records
    assert again["features"] == fused["features"]
    assert again["prediction"] == answer["prediction"]
    wrong = {"id": "b", "text": "So happy", "features": 7}
    assert emocli("predict", stdin=[wrong]).records[0]["features"] == 7


def test_what_features_had_to_say_stands_in_the_prediction(emocli: Emocli, tmp_path: Path) -> None:
    long = emocli("predict", stdin=[{"id": "a", "text": "I am so happy. " * 300}])
    assert list(long.records[0]["prediction"]["warnings"]) == ["text"]
    bundles.save(tmp_path / "gated", "expert-gating")
    records = bundles.records(bundles.VECTORS, count=7)
    fused = emocli("fuse", "-m", str(tmp_path / "gated"), stdin=records).records
    found = emocli("predict", "-m", str(tmp_path / "gated"), stdin=records).records
    gates = [record["features"]["fused"]["gates"] for record in fused]
    assert [record["prediction"]["gates"] for record in found] == gates


def test_a_prediction_may_be_predicted_again(emocli: Emocli) -> None:
    first = emocli("predict", "--text", "I am so happy")
    second = emocli("predict", stdin=first.stdout)
    assert second.records == first.records


VALENCE: dict[str, Any] = {"target": "valence", "kind": "number", "mean": 3.0, "scale": 0.5}
EMOTION: dict[str, Any] = {"target": "emotion", "kind": "classes", "labels": bundles.LABELS}


def raw(folder: Path, records: list[dict[str, Any]]) -> np.ndarray:
    """Return the logits that a model of vectors gives to whole records, by itself."""
    model = bundle.read(folder).model()
    streams = {
        name: torch.tensor([r["features"][name]["vector"] for r in records])
        for name in bundles.DIMS
    }
    masks = {name: torch.ones(len(records), dtype=torch.bool) for name in streams}
    with torch.inference_mode():
        return np.asarray(model(streams, masks).double().numpy())


def whole(count: int = 3) -> list[dict[str, Any]]:
    return bundles.records("mean", 7 * count)[6::7]


def test_numbers_come_in_the_units_of_the_labels(emocli: Emocli, tmp_path: Path) -> None:
    arousal = {**VALENCE, "target": "arousal", "mean": -1.0, "scale": 2.0}
    config = {"task": "regression"}
    heads = {"heads": [VALENCE, arousal], "columns": 2, "labels": [], "config": config}
    folder = bundles.save(tmp_path / "m", "stars", **heads).folder
    found = emocli("predict", "-m", str(folder), stdin=whole()).records
    for record, (valence, arousal_) in zip(found, raw(folder, whole()), strict=True):
        prediction = record["prediction"]
        assert prediction["emotion"] is None
        assert prediction["valence"] == pytest.approx(3 + 0.5 * valence, abs=1e-4)
        assert prediction["arousal"] == pytest.approx(2 * arousal_ - 1, abs=1e-4)
        assert prediction["calibrated"] is False
        assert not {"probabilities", "confidence", "entropy", "disagreement"} & set(prediction)
        assert set(record["unimodal"]["text"]) == {"emotion", "valence", "arousal"}


def test_labels_and_numbers_at_once(emocli: Emocli, tmp_path: Path) -> None:
    heads = {"heads": [EMOTION, VALENCE], "columns": 4, "calibration": {"temperature": 2.0}}
    folder = bundles.save(tmp_path / "m", "gated", **heads).folder
    found = emocli("predict", "-m", str(folder), stdin=whole()).records
    for record, logits in zip(found, raw(folder, whole()), strict=True):
        prediction = record["prediction"]
        expected = np.exp(logits[:3] / 2) / np.exp(logits[:3] / 2).sum()
        assert list(prediction["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
        assert prediction["emotion"] == bundles.LABELS[expected.argmax()]
        assert prediction["entropy"] == pytest.approx(scipy.stats.entropy(expected), abs=1e-4)
        assert prediction["valence"] == pytest.approx(3 + 0.5 * logits[3], abs=1e-4)


def test_a_prediction_says_on_what_the_streams_it_used_were_calibrated(
    emocli: Emocli, tmp_path: Path
) -> None:
    on = {"audio": "clips", "text": "corpora left out", "voice": "speakers left out"}
    calibration = {"temperature": 1.0, "on": on}
    folder = bundles.save(tmp_path / "m", "gated", calibration=calibration).folder
    for record in emocli("predict", "-m", str(folder), stdin=whole()).records:
        prediction = record["prediction"]
        assert set(prediction["modalities"]) == set(on)
        said = {f"{name}: {what}" for name, what in on.items()}
        assert set(prediction["calibrated_on"].split("; ")) == said


def test_vector_scaling_is_applied_class_by_class(emocli: Emocli, tmp_path: Path) -> None:
    scaling = {"weights": [0.5, 2.0, 1.0], "bias": [0.1, -0.2, 0.3]}
    folder = bundles.save(tmp_path / "m", "concat", calibration=scaling).folder
    found = emocli("predict", "-m", str(folder), stdin=whole()).records
    for record, logits in zip(found, raw(folder, whole()), strict=True):
        expected = scipy.special.softmax(logits * scaling["weights"] + scaling["bias"])
        shares = list(record["prediction"]["probabilities"].values())
        assert shares == pytest.approx(expected, abs=1e-5)
        assert record["prediction"]["calibrated"] is True
        assert "calibrated_on" not in record["prediction"]
    other = {"weights": [1.0], "bias": [0.0]}
    with pytest.raises(ConfigError, match=r"calibration\.weights = \[1\.0\]: must be a list of 3"):
        bundles.save(tmp_path / "bad", "concat", calibration=other)
    done = emocli("predict", "-m", str(tmp_path / "bad"), stdin=whole())
    assert (done.status, "calibration.weights = [1.0]" in done.stderr) == (3, True)


def test_a_blend_is_decoded_and_its_larger_part_is_the_emotion() -> None:
    blend = {**EMOTION, "target": "blend", "kind": "blend"}
    contents = {"heads": [blend], "decoder": {"rule": "published", "alpha": 0.15, "beta": 0.2}}
    shares = [[0.1, 0.65, 0.25], [0.1, 0.42, 0.48], [0.1, 0.8, 0.1], [0.6, 0.4, 0.0]]
    with np.errstate(divide="ignore"):
        found = outputs.of(np.log(np.clip(shares, 1e-12, 1)), contents)
    blends = [{"joy": 70, "anger": 30}, {"anger": 50, "joy": 50}, {"joy": 100}, {"neutral": 100}]
    assert [list(f["blend"].items()) for f in found] == [list(b.items()) for b in blends]
    assert [f["emotion"] for f in found] == ["joy", "anger", "joy", "neutral"]
    assert outputs.of(np.log(shares[:3]), {"heads": [blend]}) == found[:3]  # our own thresholds
    with pytest.raises(ConfigError, match="decoder"):
        outputs.of(np.log(shares[:1]), {"heads": [blend], "decoder": {"rule": "guess"}})


def test_a_blend_without_neutral_and_the_expected_rule(emocli: Emocli, tmp_path: Path) -> None:
    prior = [1 / 12] * 12  # three emotions alone, three pairs in three shares
    decoder = {"rule": "expected", "sharpness": 20.0, "prior": prior}
    head = {"target": "blend", "kind": "blend", "labels": ["fear", "joy", "anger"]}
    folder = bundles.save(tmp_path / "m", "gated", heads=[head], decoder=decoder).folder
    flags = ("predict", "-m", str(folder), "--batch-size")
    one, many = (emocli(*flags, size, stdin=bundles.records("mean")).records for size in "19")
    assert [r["prediction"]["blend"] for r in one] == [r["prediction"]["blend"] for r in many]
    for record in one:
        blend = record["prediction"]["blend"]
        assert sum(blend.values()) == 100
        assert record["prediction"]["emotion"] == next(iter(blend))
    sure = emocli(*flags, "9", "--abstain", "1", stdin=whole(1)).records[0]["prediction"]
    assert (sure["emotion"], sure["blend"]) == (None, None)


def test_disagreement_is_the_divergence_in_bits(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "late-fusion").folder
    for record in emocli("predict", "-m", str(folder), stdin=bundles.records("mean")).records:
        shares = list(record["prediction"]["probabilities"].values())
        apart = record["prediction"]["disagreement"]
        assert list(apart) == list(record["unimodal"]) == list(record["prediction"]["modalities"])
        for name, bits in apart.items():
            alone = list(record["unimodal"][name]["probabilities"].values())
            distance = scipy.spatial.distance.jensenshannon(alone, shares, base=2)
            assert bits == pytest.approx(distance**2, abs=1e-4)


def test_a_fused_vector_that_was_changed_costs_its_neighbours_nothing(
    emocli: Emocli, tmp_path: Path
) -> None:
    folder = bundles.save(tmp_path / "m", "gated").folder
    fused = emocli("fuse", "-m", str(folder), stdin=whole(4)).records
    fused[0]["features"]["fused"]["vector"].pop()
    fused[1]["features"]["fused"]["vector"][0] = None
    del fused[2]["features"]["fused"]["vector"]
    done = emocli("predict", "-m", str(folder), stdin=fused)
    assert done.status == 1
    assert [r.get("error", {}).get("code") for r in done.records] == ["bad_vector"] * 3 + [None]
    assert done.records[3]["prediction"]["emotion"]


def test_blends_and_numbers_are_drawn_for_people() -> None:
    console = Console(file=io.StringIO(), width=100)
    shares = {"neutral": 0.1, "joy": 0.65, "anger": 0.25}
    blend = {"emotion": "joy", "probabilities": shares, "confidence": 0.65, "entropy": 0.8}
    blend |= {"blend": {"joy": 70.0, "anger": 30.0}, "valence": 0.25}
    both = {"audio": 0.5, "text": 0.125}
    blend |= {"modalities": both, "disagreement": both, "model": "m@1"}
    assert show_prediction({"id": "a", "prediction": blend}, bundles.LABELS, console)
    numbers = {"emotion": None, "valence": 3.5, "arousal": -0.25, "modalities": {}, "model": "n@1"}
    record = {"id": "b", "prediction": numbers, "unimodal": {"text": {"valence": 2.0}}}
    assert show_prediction(record, [], console)
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("70 % joy, 30 % anger  65% sure", "0.25", "text 0.12", "valence 3.50, arousal"):
        assert words in drawn
    assert "not sure" not in drawn
