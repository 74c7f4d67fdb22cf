"""Promises that every reader of EEG keeps; a new one is found by its records."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from emocli import datasets
from emocli.errors import MalformedError, RecordError
from emocli.records import path_of, types
from emocli.records.schema import schema
from emocli.signals import eeg_arrays, eeg_files
from emocli.signals.eeg_montage import electrode
from tests.commands.test_schema import wrong
from tests.datasets.conftest import MAKE

Record = dict[str, Any]
EXPECTED = {"bids", "deap", "dreamer", "faced", "mahnob", "seed", "seed-iv", "seed-vii"}


@functools.cache
def copies(folder: Path) -> dict[str, list[Record]]:
    """The records of a small copy of every dataset that has EEG."""
    found = {}
    for name, make in MAKE.items():
        place = folder / name
        place.mkdir()
        records = list(datasets.load(name).read(make(place)))
        if any("eeg" in record for record in records):
            found[name] = records
    return found


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Record]]:
    return copies(tmp_path_factory.mktemp("eeg"))


def test_the_readers_of_eeg_are_these(every: dict[str, list[Record]]) -> None:
    assert set(every) >= EXPECTED


def test_every_record_says_who_saw_what_when_and_is_of_the_schema(
    every: dict[str, list[Record]],
) -> None:
    for name, records in every.items():
        assert len({record["trial"] for record in records}) == len(records), name
        for record in records:
            assert Path(path_of(record)).exists()
            for field in ("speaker", "stimulus", "trial"):
                assert isinstance(record[field], str), name
                assert record[field]
            assert record["label"]
            assert record["eeg"]["channels"]
            assert wrong(record, schema()) == []


def test_every_array_is_a_recording_in_microvolts(every: dict[str, list[Record]]) -> None:
    arrays = [r for records in every.values() for r in records if "variable" in r["eeg"]]
    assert {r["dataset"] for r in arrays} == EXPECTED - {"bids", "mahnob"}
    for record in arrays:
        found = opened(record)
        sd_uv = np.concatenate(list(found.blocks()), axis=1).std()
        assert 8 < sd_uv < 12, record["id"]
        assert found.rate_hz == record["eeg"]["sample_rate_hz"]
        assert record.get("end", found.duration) == found.duration
        assert None not in map(electrode, found.names)
        assert len(set(found.names)) == len(found.names)


def opened(record: Record) -> eeg_files.Recording:
    about = record["eeg"]
    return eeg_arrays.read(
        path_of(record),
        about["variable"],
        about.get("index", ()),
        names=about["channels"],
        rate_hz=about["sample_rate_hz"],
        unit=about["unit"],
    )


def test_every_other_recording_has_the_channels_and_times_of_the_record(
    every: dict[str, list[Record]],
) -> None:
    files = [r for records in every.values() for r in records if "variable" not in r["eeg"]]
    assert {r["dataset"] for r in files} == {"bids", "mahnob"}
    for record in files:
        found = eeg_files.read(path_of(record))
        assert 0 <= record["start"] < record["end"] <= found.duration
        assert set(record["eeg"].get("bad", ())) <= set(record["eeg"]["channels"])
        assert set(found.names) & set(record["eeg"]["channels"])


class Malicious:
    """What makes a pickle run a program when it is loaded."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.victim),)


PICKLES = {"deap": "s01.dat", "faced": "sub001.pkl"}


@pytest.mark.parametrize("name", sorted(PICKLES))
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    name: str, protocol: int, tmp_path: Path
) -> None:
    file, victim = tmp_path / PICKLES[name], tmp_path / "victim"
    file.write_bytes(pickle.dumps({"data": Malicious(victim)}, protocol))
    with pytest.raises(MalformedError, match=rf"{file.name} is refused: its pickle runs .*mkdir"):
        list(datasets.load(name).read(tmp_path))
    with pytest.raises(RecordError, match="is refused"):
        eeg_arrays.read(file, "data", names=["Cz"], rate_hz=100)
    assert not victim.exists()
    pickle.loads(file.read_bytes())  # it would have
    assert victim.exists()


MATLAB = {
    "seed": "1_20131027.mat",
    "seed-iv": "1/1_20131027.mat",
    "seed-vii": "EEG_preprocessed/1.mat",
    "deap": "s01.mat",
    "dreamer": "DREAMER.mat",
}
OTHER = {"deap": "s01.dat", "faced": "sub001.pkl", "mahnob": "1/Part_1_S_Trial1_emotion.bdf"}


@pytest.mark.parametrize("name", sorted(MATLAB))
def test_a_mat_file_of_something_else_is_named_with_what_is_in_it(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / MATLAB[name]
    file.parent.mkdir(exist_ok=True)
    scipy.io.savemat(file, {"weather": np.ones((3, 4))})
    with pytest.raises(MalformedError, match=f"{file}: .*weather"):
        list(datasets.load(name).read(tmp_path))


@pytest.mark.parametrize("contents", [b"", b"\x80\x02", b"hello\n" * 99, b"\0" * 2000])
@pytest.mark.parametrize(("name", "place"), [*MATLAB.items(), *OTHER.items()])
def test_a_broken_file_is_named(name: str, place: str, contents: bytes, tmp_path: Path) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(contents)
    (file.parent / "session.xml").write_text('<session feltEmo="1"/>')
    with pytest.raises(MalformedError, match=f"{file}: "):
        list(datasets.load(name).read(tmp_path))


def test_a_command_prints_them_and_keeps_a_subject(
    make: Callable[[str], Path], emocli: Any
) -> None:
    outcome = emocli("dataset", "deap", str(make("deap")), "--speaker", "deap-02")
    assert outcome.status == 0, outcome.stderr
    assert [r["trial"] for r in outcome.records] == ["deap-02-1", "deap-02-2"]
    assert "stimulus" in types.Utterance.__annotations__
