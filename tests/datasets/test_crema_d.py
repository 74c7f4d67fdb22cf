from pathlib import Path

import pytest

from emocli.datasets import crema_d
from emocli.errors import MalformedError
from emocli.records.labels import canonical

from .conftest import touch

VOTES = {"neutral": 2, "joy": 7, "sadness": 0, "anger": 0, "fear": 0, "disgust": 1}


def test_without_clips_there_is_a_record_for_each_that_people_voted_on(make):
    happy, angry = crema_d.read(make("crema-d"))
    by = happy["label"].pop("votes_by_modality")
    assert happy == {
        "id": "crema-d/1001_IEO_HAP_LO",
        "dataset": "crema-d",
        "speaker": "crema-d-1001",
        "gender": "male",
        "age": 51,
        "language": "en",
        "modality": "audio-video",
        "intensity": "low",
        "sentence": "IEO",
        "statement": "It's eleven o'clock",
        "label": {
            "emotion": "joy",
            "original": "happy",
            "votes": VOTES,
            "distribution": {emotion: count / 10 for emotion, count in VOTES.items()},
        },
    }
    assert by["audio"]["neutral"] == 6
    assert by["video"]["joy"] == 8
    assert by["audio-video"] == VOTES
    assert "intensity" not in angry
    assert "age" not in angry  # not in the table


def test_the_table_itself_will_do(make):
    place = make("crema-d")
    records = list(crema_d.read(place / "processedResults/tabulatedVotes.csv"))
    assert records == list(crema_d.read(place))


def test_a_relative_folder_of_votes_alone_will_do(make, monkeypatch):
    place = make("crema-d")
    expected = list(crema_d.read(place))
    monkeypatch.chdir(place.parent)
    assert list(crema_d.read(Path(place.name))) == expected


def test_a_clip_has_the_votes_of_those_who_heard_it(make):
    place = touch(make("crema-d"), "AudioWAV/1001_IEO_HAP_LO.wav", "VideoFlash/1001_IEO_HAP_LO.flv")
    (voice,) = crema_d.read(place / "AudioWAV")
    assert voice["path"] == f"{place}/AudioWAV/1001_IEO_HAP_LO.wav"
    assert voice["modality"] == "audio"
    assert voice["label"]["votes"]["neutral"] == 6
    assert voice["label"]["distribution"]["joy"] == pytest.approx(3 / 9)
    (both,) = crema_d.read(place / "VideoFlash/1001_IEO_HAP_LO.flv")
    assert (both["modality"], both["label"]["votes"]) == ("audio-video", VOTES)
    assert list(crema_d.read(place)) == [both]


def test_clips_without_a_table_have_no_votes_and_one_name_lacks_an_x(tmp_path):
    place = touch(tmp_path, "1040_ITH_SAD_X.wav")
    (record,) = crema_d.read(place)
    assert record["label"] == {"emotion": "sadness", "original": "sad"}


def test_the_name_without_its_x_has_the_votes_of_the_other(make):
    place = touch(make("crema-d"), "AudioMP3/1002_DFA_ANG_X.mp3")
    (record,) = crema_d.read(place / "AudioMP3")
    assert "votes" not in record["label"]  # nobody rated its audio
    assert record["label"]["votes_by_modality"]["audio-video"]["anger"] == 9


def test_six_emotions_and_twelve_sentences():
    words = [canonical(word) for word in crema_d.EMOTIONS.values()]
    assert sorted(words) == sorted(crema_d.LETTERS.values())
    assert len(crema_d.SENTENCES) == 12


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('"400001",1,0,0,0,0,0,"1001_IEO_SAD_LO",1', "not counts of votes"),
        ('"100001",1,0,x,0,0,0,"1001_IEO_SAD_LO",1', "not counts of votes"),
        ('"100001",-1,0,0,0,0,2,"1001_IEO_SAD_LO",1', "not counts of votes"),
        ('"100001",0,0,0,0,0,0,"1001_IEO_SAD_LO",0', "nobody voted on 1001_IEO_SAD_LO"),
        ('"100002",0,0,0,3,6,0,"1001_IEO_HAP_LO",9', "a second row of audio for 1001_IEO_HAP_LO"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(make, row, message):
    place = make("crema-d")
    with open(place / "processedResults/tabulatedVotes.csv", "a") as stream:
        stream.write(row + "\n")
    with pytest.raises(MalformedError, match=rf"tabulatedVotes\.csv:6: {message}"):
        list(crema_d.read(place))


def test_an_age_that_is_no_number_is_named(make):
    place = make("crema-d")
    (place / "VideoDemographics.csv").write_text("ActorID,Age,Sex\n1001,old,Male\n")
    with pytest.raises(MalformedError, match=r"VideoDemographics\.csv:2: age is not .*'old'"):
        list(crema_d.read(place))


@pytest.mark.parametrize(
    "name", ["1001_XYZ_HAP_LO.wav", "1001_IEO_SUR_LO.wav", "03a01Fa.wav", "1001_IEO_HAP.wav"]
)
def test_another_name_is_malformed_and_named(tmp_path, name):
    with pytest.raises(MalformedError, match=f"{name}: not a CREMA-D name"):
        list(crema_d.read(touch(tmp_path, name)))


def test_a_second_copy_is_left_out_and_other_formats_of_a_take_are_told(make, emocli):
    place = make("crema-d")
    clip = "1001_IEO_HAP_LO"
    for name in (f"AudioWAV/{clip}.wav", f"copy/AudioWAV/{clip}.wav", f"AudioMP3/{clip}.mp3"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"")
    outcome = emocli("dataset", "crema-d", str(place))
    assert [r["path"] for r in outcome.records] == [
        f"{place}/AudioMP3/{clip}.mp3",
        f"{place}/AudioWAV/{clip}.wav",
    ]
    assert f"left out as second files of takes that are there, such as {place}/copy" in (
        outcome.stderr
    )
    assert "2 records show 1 different takes, in several formats" in outcome.stderr
