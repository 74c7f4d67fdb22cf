import pytest

from emocli.datasets import ravdess
from emocli.errors import MalformedError


def test_every_field_of_the_name_is_told(make):
    place = make("ravdess")
    calm, surprised = ravdess.read(place)
    path = f"{place}/Actor_01/03-01-02-01-01-01-01.wav"
    assert calm == {
        "id": path,
        "path": path,
        "dataset": "ravdess",
        "speaker": "ravdess-01",
        "gender": "male",
        "language": "en",
        "modality": "audio",
        "vocal_channel": "speech",
        "intensity": "normal",
        "statement": "Kids are talking by the door",
        "repetition": 1,
        "label": {"emotion": "neutral", "original": "calm"},
    }
    assert surprised["modality"] == "audio-video"
    assert surprised["vocal_channel"] == "song"
    assert surprised["gender"] == "female"
    assert surprised["intensity"] == "strong"
    assert surprised["label"] == {"emotion": "surprise", "original": "surprised"}


def test_the_eight_codes_map_to_seven_labels():
    from emocli.records.labels import canonical

    assert [canonical(ravdess.EMOTIONS[f"0{i}"]) for i in range(1, 9)] == [
        "neutral", "neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise"
    ]  # fmt: skip


def test_a_single_file_will_do(make):
    file = make("ravdess") / "Actor_01/03-01-02-01-01-01-01.wav"
    assert [record["path"] for record in ravdess.read(file)] == [str(file)]


def test_what_is_sung_is_told_and_a_take_is_one_record(make, emocli):
    place = make("ravdess")
    outcome = emocli("dataset", "ravdess", str(place))
    assert "1 of 2 records are sung" in outcome.stderr
    assert "left out" not in outcome.stderr
    (place / "Actor_02/03-02-08-02-02-02-02.wav").write_bytes(b"")
    outcome = emocli("dataset", "ravdess", str(place))
    assert len(outcome.records) == 2
    assert "1 file is left out since another file of the same clip is read" in outcome.stderr
    alone = emocli("dataset", "ravdess", str(place / "Actor_01"))
    assert alone.stderr.count("\n") == 1  # the summary


@pytest.mark.parametrize(
    "name", ["holiday.wav", "03-01-09-01-01-01-01.wav", "03-01-02-01-01-01.wav"]
)
def test_another_name_is_malformed_and_named(make, name):
    place = make("ravdess")
    (place / name).write_bytes(b"")
    with pytest.raises(MalformedError, match=f"{name}: not a RAVDESS name"):
        list(ravdess.read(place))


def test_a_name_that_is_not_utf8_is_kept(tmp_path):
    import os

    from emocli.records.jsonl import path_of

    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    (place / "03-01-02-01-01-01-01.wav").write_bytes(b"")
    (record,) = ravdess.read(place)
    assert os.path.exists(path_of(record))  # noqa: PTH110 - that very string
