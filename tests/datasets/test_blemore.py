import pytest

from emocli.datasets import blemore
from emocli.errors import MalformedError

from .conftest import touch


def test_rows_come_first_then_clips_that_no_row_names(make):
    place = make("blemore")
    alone, blend, neutral, test = blemore.read(place)
    assert alone == {
        "id": "blemore/A102_ang_int1_ver1",
        "dataset": "blemore",
        "modality": "audio-video",
        "split": "train",
        "speaker": "blemore-A102",
        "gender": "female",
        "fold": 0,
        "intensity": 1,
        "version": 1,
        "label": {
            "emotion": "anger",
            "original": "ang",
            "distribution": {
                "anger": 1, "disgust": 0, "fear": 0, "joy": 0, "sadness": 0, "neutral": 0
            },
            "blend": {"anger": 100},
        },
    }  # fmt: skip
    assert blend["path"] == f"{place}/train/A411_mix_ang_hap_30_70_ver1.mov"
    assert blend["label"]["blend"] == {"anger": 30, "joy": 70}
    assert blend["label"]["emotion"] == "joy"
    assert blend["label"]["multi"] == ["joy", "anger"]
    assert blend["label"]["multi_original"] == ["hap", "ang"]
    assert blend["label"]["distribution"]["joy"] == 0.7
    assert "intensity" not in blend
    assert (neutral["situation"], neutral["label"]["blend"]) == (2, {"neutral": 100})
    assert test == {
        "id": f"{place}/test/test_0001.mov",
        "path": f"{place}/test/test_0001.mov",
        "dataset": "blemore",
        "modality": "audio-video",
        "split": "test",
    }


def test_names_alone_will_do(tmp_path):
    place = touch(tmp_path, "A55_mix_disg_sad_50_50_ver2.mov", "A55_neu_sit4_ver1.wav")
    even, neutral = blemore.read(place)
    assert even["label"]["blend"] == {"disgust": 50, "sadness": 50}
    assert even["label"]["emotion"] == "disgust"  # of equal ones the first listed
    assert even["version"] == 2
    assert not {"gender", "fold"} & set(even)
    (one,) = blemore.read(place / "A55_neu_sit4_ver1.wav")
    assert one == neutral


def test_the_table_itself_will_do_and_finds_its_clips(make):
    place = make("blemore")
    assert list(blemore.read(place / "train_metadata.csv")) == list(blemore.read(place))


@pytest.mark.parametrize(
    "name",
    [
        "A1_neu_int1_ver1",
        "A1_ang_sit1_ver1",
        "A1_ang_int5_ver1",
        "A1_mix_ang_ang_50_50_ver1",
        "A1_mix_ang_neu_50_50_ver1",
        "A1_mix_ang_hap_60_40_ver1",
        "A1_mix_ang_hap_70_70_ver1",
        "A1_joy_int1_ver1",
        "A1_ang_int1",
        "holiday",
    ],
)
def test_another_name_is_malformed_and_named(tmp_path, name):
    with pytest.raises(MalformedError, match=f"{name}.mov: not a BLEMORE name"):
        list(blemore.read(touch(tmp_path, f"{name}.mov")))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A1_ang_int1_ver1,A1,f,0,hap,1,1,,,,,0", r"has \{'hap': 100\}, .* \{'ang': 100\}"),
        ("A1_mix_ang_hap_30_70_ver1,A1,f,1,ang,1,,,hap,70.0,30.0,0", "'ang': 70, 'hap': 30"),
        ("A1_mix_ang_hap_30_70_ver1,A1,f,1,ang,1,,,hap,,,0", "emotion_1_salience is not a whole"),
        ("A1_ang_int1_ver1,A1,f,0,ang,1,1,,,,,first", "fold is not a whole number: 'first'"),
        ("test_0001,A1,f,0,ang,1,1,,,,,0", r"test_0001\.mov: not a BLEMORE name"),
    ],
)
def test_a_row_that_contradicts_its_name_is_named_by_its_line(make, row, message):
    place = make("blemore")
    with open(place / "train_metadata.csv", "a") as stream:
        stream.write(row + "\n")
    with pytest.raises(MalformedError, match=rf"train_metadata\.csv:5: .*{message}"):
        list(blemore.read(place))
