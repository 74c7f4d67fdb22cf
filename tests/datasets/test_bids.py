from __future__ import annotations

import shutil
import sys

import pytest

from emocli.datasets import _bids, bids
from emocli.errors import ConfigError, EmptyInputError, MalformedError
from tests.datasets import eeg_copies
from tests.signals import edf_files


def test_a_record_per_event_with_what_lies_beside_the_recording(make):
    place = make("bids")
    first, second, third, *others = bids.read(place)
    file = f"{place}/sub-01/eeg/sub-01_task-film_eeg.edf"
    assert first == {
        "id": f"{file}#1.00-3.50",
        "path": file,
        "dataset": "bids",
        "study": "films-moods",
        "speaker": "films-moods-01",
        "task": "film",
        "age": 24,
        "sex": "F",
        "start": 1.0,
        "end": 3.5,
        "trial": "films-moods-sub-01_task-film_trial-1",
        "stimulus": "films/wall-e.mp4",
        "label": {"emotion": "joy", "original": "happy", "valence": 4.5},
        "eeg": {"channels": ["Fp1", "Cz"], "bad": ["Cz"]},
    }
    assert second["label"] == {"emotion": None, "original": "boredom"}
    assert (second["start"], second["end"]) == (5.0, 8.5)  # no duration: until the next
    assert (third["start"], third["end"]) == (8.5, 10.0)  # until the end of the recording
    assert [r["speaker"] for r in others] == ["films-moods-02"] * 3
    assert others[0]["sex"] == "M"
    assert "age" not in others[0]


def test_a_folder_without_events_gives_whole_recordings_and_says_so(make, emocli):
    place = make("bids")
    (place / "sub-02/eeg/sub-02_task-film_events.tsv").unlink()
    outcome = emocli("dataset", "bids", str(place))
    assert len(outcome.records) == 4
    whole = outcome.records[-1]
    assert whole["id"] == whole["path"]
    assert "start" not in whole
    assert "label" not in whole
    assert "1 of 2 recordings has no events" in outcome.stderr
    (place / "sub-01/eeg/sub-01_task-film_events.tsv").unlink()
    outcome = emocli("dataset", "bids", str(place))
    names = [r["trial"].partition("sub-")[2] for r in outcome.records]
    assert names == ["01_task-film", "02_task-film"]
    assert "2 of 2 recordings have no events, such as " in outcome.stderr
    assert "each is one record" in outcome.stderr


def test_a_recording_has_only_events_of_its_own_entities(make):
    place = make("bids")
    folder = place / "sub-01/eeg"
    shutil.copy(folder / "sub-01_task-film_eeg.edf", folder / "sub-01_task-film_run-1_eeg.edf")
    (folder / "sub-01_task-film_events.tsv").rename(folder / "sub-01_task-film_run-1_events.tsv")
    records = [r for r in bids.read(place) if r["speaker"].endswith("01")]
    assert [r.get("run") for r in records] == [None, "1", "1", "1"]
    assert "start" not in records[0]


def test_the_nearest_and_most_specific_file_is_about_a_recording(make):
    place = make("bids")
    recording = place / "sub-01/eeg/sub-01_task-film_eeg.edf"
    assert _bids.beside(recording, place, "channels.tsv") == place / "task-film_channels.tsv"
    for nearer in (
        "channels.tsv",
        "sub-01/sub-01_channels.tsv",
        "sub-01/eeg/task-film_channels.tsv",
    ):
        eeg_copies.text(place / nearer, "name|type")
    assert _bids.beside(recording, place, "channels.tsv").parent == recording.parent
    eeg_copies.text(recording.with_name("sub-01_task-film_channels.tsv"), "name|type")
    eeg_copies.text(recording.with_name("sub-01_task-rest_channels.tsv"), "name|type")
    chosen = _bids.beside(recording, place, "channels.tsv")
    assert chosen.name == "sub-01_task-film_channels.tsv"


def test_the_unit_is_said_where_the_header_of_the_recording_says_none(make):
    place = make("bids")
    recording = place / "sub-01/eeg/sub-01_task-film_eeg.edf"
    assert "unit" not in next(bids.read(place))["eeg"]
    edf_files.write(recording, eeg_copies.eeg(3, 640), 64, ["Fp1", "Cz", "VEOG"], unit="")
    assert next(bids.read(place))["eeg"]["unit"] == "uV"


def test_a_channel_of_annotations_without_a_unit_does_not_make_the_table_right(make):
    place = make("bids")
    recording = place / "sub-01/eeg/sub-01_task-film_eeg.edf"
    names = ["Fp1", "Cz", "VEOG"]
    edf_files.write(recording, eeg_copies.eeg(3, 640), 64, names, marks=[(1, 0, "x")])
    assert "unit" not in next(bids.read(place))["eeg"]


def test_events_without_onset_and_two_at_once(make, emocli):
    place = make("bids")
    table = place / "sub-01/eeg/sub-01_task-film_events.tsv"
    rows = ("onset|trial_type", "2|happy", "n/a|sad", "2|sad", "-1|sad", "1|angry")
    eeg_copies.text(table, *rows)
    outcome = emocli("dataset", "bids", str(place))
    first, second, third = outcome.records[:3]
    assert "2 events without an onset are left out" in outcome.stderr
    assert (first["start"], first["end"], first["label"]["emotion"]) == (1.0, 2.0, "anger")
    assert (second["end"], third["end"]) == (10.0, 10.0)
    eeg_copies.text(table, "onset|trial_type", "2|happy", "n/a|sad")
    assert "1 event without an onset is left out" in emocli("dataset", "bids", str(place)).stderr
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert [r["trial"].rpartition("_")[2] for r in (first, third)] == ["event-1", "event-3"]


def test_derivatives_and_odd_names_are_told(make, emocli):
    place = make("bids")
    source = place / "sub-01/eeg/sub-01_task-film_eeg.edf"
    for other in (
        "derivatives/clean/sub-01/eeg/sub-01_task-film_desc-x_eeg.edf",
        "sub-01/eeg/a_eeg.edf",
    ):
        (place / other).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place / other)
    outcome = emocli("dataset", "bids", str(place))
    assert len(outcome.records) == 6
    assert "1 file is left out as second files of takes that are there" in outcome.stderr
    assert "1 file is left out whose names are not those of BIDS" in outcome.stderr


def test_without_mne_bids_the_extra_is_named(make, monkeypatch):
    place = make("bids")
    monkeypatch.setitem(sys.modules, "mne_bids", None)
    with pytest.raises(ConfigError, match=r"need mne-bids.*pip install 'emocli\[eeg\]'"):
        list(bids.read(place))


def test_what_is_no_bids_folder_or_has_no_eeg_says_so(make, tmp_path):
    with pytest.raises(EmptyInputError, match=r"no dataset_description\.json here"):
        list(bids.read(tmp_path))
    eeg_copies.text(tmp_path / "dataset_description.json", "{}")
    with pytest.raises(EmptyInputError, match="no EEG recording here"):
        list(bids.read(tmp_path))
    place = make("bids")
    eeg_copies.text(place / "dataset_description.json", "[")
    with pytest.raises(MalformedError, match=r"dataset_description\.json"):
        list(bids.read(place))


def test_what_mne_bids_writes_is_read(tmp_path):
    import mne
    import mne_bids

    samples = eeg_copies.eeg(2, 20 * 128) * 1e-6
    raw = mne.io.RawArray(samples, mne.create_info(["Fp1", "Cz"], 128, "eeg"), verbose="ERROR")
    raw.set_annotations(mne.Annotations([2, 9], [5, 6], ["fear", "neutral"]))
    raw.info["bads"] = ["Cz"]
    path = mne_bids.BIDSPath(subject="7", session="1", task="clips", root=tmp_path)
    mne_bids.write_raw_bids(
        raw, path, format="BrainVision", allow_preload=True, overwrite=True, verbose="ERROR"
    )
    first, second = bids.read(tmp_path)
    assert (first["start"], first["end"], first["label"]["emotion"]) == (2.0, 7.0, "fear")
    assert second["label"]["emotion"] == "neutral"
    assert first["session"] == "1"
    assert first["eeg"] == {"channels": ["Fp1", "Cz"], "bad": ["Cz"]}
