from __future__ import annotations

import datetime

import pytest
import scipy.io

from emocli.datasets import _eeg, seed, seed_iv, seed_vii
from emocli.errors import MalformedError
from tests.datasets import eeg_copies
from tests.signals import cnt_files


def test_seed_a_record_per_clip_with_the_class_of_the_clip(make):
    place = make("seed")
    first, second, third, last = seed.read(place)
    file = f"{place}/Preprocessed_EEG/1_20131027.mat"
    assert first == {
        "id": f"{file}#1",
        "path": file,
        "dataset": "seed",
        "speaker": "seed-01",
        "stimulus": "seed-01",
        "trial": "seed-01-20131027-1",
        "session": "20131027",
        "label": {"emotion": None, "original": "positive", "polarity": "positive"},
        "eeg": {
            "variable": "djc_eeg1",
            "sample_rate_hz": 200,
            "channels": _eeg.SEED_CHANNELS,
            "unit": "uV",
        },
    }
    assert second["label"]["emotion"] == "neutral"
    assert third["label"]["polarity"] == "negative"
    assert (last["speaker"], last["stimulus"]) == ("seed-10", "seed-15")


def test_seed_has_five_clips_of_each_class_on_62_electrodes():
    assert [seed.CLASSES.count(c) for c in (1, 0, -1)] == [5, 5, 5]
    assert len(set(_eeg.SEED_CHANNELS)) == 62


def test_seed_features_are_no_recordings(make, emocli):
    place = make("seed")
    outcome = emocli("dataset", "seed", str(place))
    assert len(outcome.records) == 4
    with pytest.raises(MalformedError, match=r"no trials in it .*it has de_LDS1"):
        list(seed.read(place / "ExtractedFeatures/1_20131027.mat"))


def test_seed_iv_the_folder_is_the_session(make):
    place = make("seed-iv")
    first, last = seed_iv.read(place)
    assert (first["session"], last["session"]) == ("1", "3")
    assert first["label"] == {"emotion": "sadness", "original": "sad"}
    assert last["label"] == {"emotion": "joy", "original": "happy"}
    assert (last["speaker"], last["stimulus"]) == ("seed-iv-02", "seed-iv-3-05")
    assert last["trial"] == "seed-iv-02-3-5"
    file = place / "1_20131027.mat"
    (place / "eeg_raw_data/1/2_20150915.mat").rename(file)
    with pytest.raises(MalformedError, match="not in a folder 1, 2 or 3"):
        list(seed_iv.read(file))


def test_seed_iv_has_six_clips_of_each_emotion_in_a_session():
    for session in seed_iv.CLASSES.values():
        assert [session.count(c) for c in range(4)] == [6, 6, 6, 6]


def test_seed_vii_twelve_clips_of_an_emotion_and_eight_neutral_five_emotions_a_session():
    counts = {word: seed_vii.CLIPS.count(word) for word in seed_vii.WORDS.values()}
    assert counts.pop("Neutral") == 8
    assert set(counts.values()) == {12}
    assert len(seed_vii.CLIPS) == 80
    for first in range(0, 80, 20):
        assert len(set(seed_vii.CLIPS[first : first + 20])) == 5


def test_seed_vii_the_number_of_the_clip_is_the_variable(make):
    first, second, third = seed_vii.read(make("seed-vii"))
    assert [r["eeg"]["variable"] for r in (first, second, third)] == ["1", "21", "45"]
    assert [r["session"] for r in (first, second, third)] == ["1", "2", "3"]
    assert [r["label"]["emotion"] for r in (first, second, third)] == ["joy", "anger", "anger"]
    assert second["stimulus"] == "seed-vii-21"
    assert second["trial"] == "seed-vii-03-21"


def cnt(place, name, marks):
    place.mkdir(exist_ok=True)
    samples = eeg_copies.eeg(3, 45 * 50).round()
    names = ["FP1", "CZ", "HEO"]
    return cnt_files.write(place / name, samples, 50, names, marks)


def test_seed_vii_recordings_have_times_by_their_marks(tmp_path, emocli):
    marks = [(50 * (n + 1) + 1, 1 + n % 2) for n in range(40)]
    cnt(tmp_path / "EEG_raw", "3_20221009_2.cnt", marks)
    cnt(tmp_path / "EEG_raw", "4_20221030_1.cnt", marks[:39])
    outcome = emocli("dataset", "seed-vii", str(tmp_path))
    assert len(outcome.records) == 20
    assert "1 file is left out whose times are not known" in outcome.stderr
    assert "4_20221030_1.cnt" in outcome.stderr
    last = outcome.records[-1]
    assert (last["start"], last["end"]) == (39.0, 40.0)
    assert (last["speaker"], last["stimulus"]) == ("seed-vii-03", "seed-vii-40")
    assert last["eeg"] == {"channels": _eeg.SEED_CHANNELS}


def test_seed_vii_two_recordings_have_times_by_the_clock(tmp_path, emocli):
    marks = [(50 * (n + 1), 1) for n in range(40)]  # wrong ones
    cnt(tmp_path / "EEG_raw", "14_20221015_1.cnt", marks)
    assert (
        "left out whose times are not known" in emocli("dataset", "seed-vii", str(tmp_path)).stderr
    )
    began = datetime.datetime(2022, 10, 15, 14, 25, 34)
    times = [began + datetime.timedelta(seconds=10.5 + n) for n in range(40)]
    table = tmp_path / "save_info/14_20221015_1_trigger_info.csv"
    table.parent.mkdir()
    table.write_text("".join(f"{1 + n % 2},{t}\n" for n, t in enumerate(times)))
    records = emocli("dataset", "seed-vii", str(tmp_path)).records
    assert [(r["start"], r["end"]) for r in records[:2]] == [(10.5, 11.5), (12.5, 13.5)]
    table.write_text("1,soon\n")
    outcome = emocli("dataset", "seed-vii", str(tmp_path))
    assert (outcome.status, "not a table of triggers" in outcome.stderr) == (2, True)


def test_seed_vii_arrays_are_read_rather_than_the_recordings_that_they_were_made_of(make, emocli):
    place = make("seed-vii")
    cnt(place / "EEG_raw", "3_20221009_2.cnt", [])
    outcome = emocli("dataset", "seed-vii", str(place))
    assert len(outcome.records) == 3
    assert "1 file is left out since the .mat files have the same trials" in outcome.stderr


def test_another_name_is_no_recording_of_seed(tmp_path):
    file = tmp_path / "mine.mat"
    scipy.io.savemat(file, {"x": 1})
    for reader in (seed, seed_iv, seed_vii):
        with pytest.raises(MalformedError, match="not a name of this dataset"):
            list(reader.read(file))
