import subprocess
import sys
from functools import partial
from pathlib import Path

import orjson
import pytest

from emocli.datasets import blemore
from emocli.errors import MalformedError
from emocli.metrics import blend

from .conftest import touch


def test_rows_come_first_then_clips_that_no_row_names(make):
    place = make("blemore")
    single, blend, neutral, test = blemore.read(place)
    assert single == {
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
    (record,) = blemore.read(place / "A55_neu_sit4_ver1.wav")
    assert record == neutral


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


def predicted(clip, **blend):
    return {"id": clip, "path": f"test/{clip}.mov", "prediction": {"blend": blend}}


def test_a_submission_has_the_sources_words_and_reads_back_as_the_answers():
    submitted = blemore.submission(
        [
            predicted("test_0002", joy=30, anger=70),
            predicted("test_0001", neutral=100.0, anger=0),
            {"id": "blemore/test_0010", "prediction": {"blend": {"disgust": 50, "fear": 50}}},
        ]
    )
    assert orjson.loads(orjson.dumps(submitted)) == {
        "predictions": {
            "test_0001.mov": [{"emotion": "neu", "salience": 100}],
            "test_0002.mov": [
                {"emotion": "ang", "salience": 70},
                {"emotion": "hap", "salience": 30},
            ],
            "test_0010.mov": [
                {"emotion": "disg", "salience": 50},
                {"emotion": "fea", "salience": 50},
            ],
        }
    }


def test_every_answer_of_the_decoders_can_be_submitted():
    words = list(blemore.EMOTIONS)
    valid = blend.answers(6, neutral=words.index("neu"))
    names = list(blemore.EMOTIONS.values())
    lines = [
        predicted(f"test_{n:04}", **dict(zip(names, row.tolist(), strict=True)))
        for n, row in enumerate(valid)
    ]
    answers = blemore.submission(lines)["predictions"].values()
    back = [
        [{a["emotion"]: a["salience"] for a in answer}.get(w, 0) for w in words]
        for answer in answers
    ]
    assert back == valid.tolist()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (predicted("A102_ang_int1_ver1", anger=100), "A102_ang_int1_ver1: not a test clip"),
        (predicted("test_0001", anger=100), "test_0001: test clip test_0001 occurs twice"),
        ({"id": "test_0002", "prediction": {"emotion": "joy"}}, "no prediction.blend"),
        ({"id": "test_0002", "error": {"message": "cut off"}}, r"no prediction.blend \(cut off\)"),
        (predicted("test_0002", anger=70, joy=20), "test_0002: not an answer"),
        (predicted("test_0002", anger=50.5, joy=49.5), "not an answer"),
        (predicted("test_0002", anger=110, joy=-10), "not an answer"),
        (predicted("test_0002", anger=70, neutral=30), "not an answer"),
        (predicted("test_0002", anger=40, joy=30, fear=30), "not an answer"),
        (predicted("test_0002", surprise=100), "not an answer"),
    ],
)
def test_what_cannot_be_submitted_is_named(record, message):
    with pytest.raises(MalformedError, match=message):
        blemore.submission([predicted("test_0001", anger=100), record])


def test_the_script_writes_it_and_counts_the_clips(tmp_path):
    lines = tmp_path / "predictions.jsonl"
    lines.write_bytes(orjson.dumps(predicted("test_0001", anger=100)))
    script = Path(__file__).parents[2] / "examples" / "blemore_submission.py"
    run = partial(subprocess.run, capture_output=True, text=True)
    done = run([sys.executable, script, lines])
    assert orjson.loads(done.stdout) == blemore.submission([orjson.loads(lines.read_bytes())])
    assert done.stderr == "1 clips, not the test set's 594\n"
    lines.write_bytes(orjson.dumps(predicted("other", anger=100)))
    done = run([sys.executable, script, lines])
    assert (done.returncode, done.stdout) == (1, "")
    assert "other: not a test clip" in done.stderr
