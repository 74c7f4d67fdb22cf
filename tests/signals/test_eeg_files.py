"""Recordings of EEG: what is read is what was written, and what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_files
from tests.signals import edf_files

RATE_HZ = 100
LABELS = ("Fp1", "Fp2", "Cz")


def signal(seconds: float = 20, channels: int = 3, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return noise (channels, time), uV, whose samples EDF can hold."""
    random = np.random.default_rng(1)
    values = 15 * random.standard_normal((channels, round(seconds * rate_hz)))
    return np.rint(values * 10) / 10


def samples(recording: eeg_files.Recording, **span: float) -> np.ndarray:
    return np.concatenate(list(recording.blocks(**span)), axis=1)


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_samples_come_in_microvolts_and_in_blocks(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eeg_files, "BLOCK_S", 7.0)
    path = edf_files.write(tmp_path / f"a{suffix}", signal(), RATE_HZ, LABELS)
    recording = eeg_files.read(path)
    assert (recording.names, recording.rate_hz, recording.duration) == (LABELS, 100.0, 20.0)
    assert [block.shape[1] for block in recording.blocks()] == [700, 700, 600]
    np.testing.assert_allclose(samples(recording), signal(), atol=1e-3)
    np.testing.assert_allclose(
        samples(recording, start=3, end=11.5), signal()[:, 300:1150], atol=1e-3
    )
    assert recording.warnings == ()


def test_a_fif_file_is_read_too_with_its_annotations(tmp_path: Path) -> None:
    info = mne.create_info([*LABELS, "STI"], RATE_HZ, ["eeg"] * 3 + ["stim"])
    values = np.concatenate([signal() * 1e-6, np.zeros((1, 2000))])
    raw = mne.io.RawArray(values, info, first_samp=500, verbose="ERROR")
    raw.set_annotations(mne.Annotations([2.0], [1.5], ["film"]))
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = eeg_files.read(tmp_path / "a_raw.fif")
    np.testing.assert_allclose(samples(recording), signal(), atol=1e-4)
    assert recording.others == ("STI (stim)",)
    (mark,) = recording.marks
    assert (mark.start, mark.duration, mark.text) == (pytest.approx(2.0), 1.5, "film")


def test_marks_of_edf_are_seconds_from_the_start(tmp_path: Path) -> None:
    marks = [(1.5, 2.0, "joy"), (9.0, 0.5, "fear")]
    path = edf_files.write(tmp_path / "a.edf", signal(), RATE_HZ, LABELS, marks=marks)
    found = eeg_files.read(path).marks
    assert [(m.start, m.duration, m.text) for m in found] == marks


def test_chosen_channels_come_in_the_order_and_names_wished(tmp_path: Path) -> None:
    path = edf_files.write(tmp_path / "a.edf", signal(), RATE_HZ, LABELS)
    recording = eeg_files.read(path).chosen((2, 0), ("CZ", "FP1"))
    assert recording.names == ("CZ", "FP1")
    np.testing.assert_allclose(samples(recording), signal()[[2, 0]], atol=1e-3)


@pytest.mark.parametrize(("unit", "hint"), [("V", "--unit uV"), ("", "--unit uV"), ("mV", "")])
def test_microvolts_labelled_as_more_are_an_error_with_a_hint(
    unit: str, hint: str, tmp_path: Path
) -> None:
    path = edf_files.write(tmp_path / "a.edf", signal(), RATE_HZ, LABELS, unit=unit)
    with pytest.raises(RecordError, match="typical SD is") as caught:
        eeg_files.read(path)
    assert caught.value.code == "wrong_unit"
    assert hint in caught.value.hint
    np.testing.assert_allclose(samples(eeg_files.read(path, "uV")), signal(), atol=1e-3)


def test_volts_labelled_microvolts_are_an_error_with_a_hint(tmp_path: Path) -> None:
    volts = signal() * 1e-6
    path = edf_files.write(tmp_path / "a.edf", volts, RATE_HZ, LABELS, range_uv=3.2e-3)
    with pytest.raises(RecordError, match="--unit V"):
        eeg_files.read(path)
    np.testing.assert_allclose(samples(eeg_files.read(path, "V")), signal(), atol=0.1)


def test_a_dead_channel_and_a_drift_do_not_make_a_unit_wrong(tmp_path: Path) -> None:
    values = signal() + np.linspace(0, 3000, 2000)
    values[0] = 0.0
    path = edf_files.write(tmp_path / "a.bdf", values, RATE_HZ, LABELS, range_uv=262_143.0)
    assert eeg_files.read(path).samples == 2000


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_a_file_cut_short_is_told(suffix: str, tmp_path: Path) -> None:
    path = edf_files.write(tmp_path / f"a{suffix}", signal(), RATE_HZ, LABELS)
    data = path.read_bytes()
    path.write_bytes(data[: 1024 + (len(data) - 1024) * 7 // 10 - 5])
    recording = eeg_files.read(path)
    assert any("cut short: 13 of 20 s are there" in said for said in recording.warnings)
    assert recording.duration == 13.0
    np.testing.assert_allclose(samples(recording), signal()[:, :1300], atol=1e-3)


def test_a_file_that_is_whole_is_not_told_to_be_cut(tmp_path: Path) -> None:
    for rest in (0, 1):
        path = edf_files.write(tmp_path / "a.edf", signal(2 + rest), RATE_HZ, LABELS)
        assert eeg_files.read(path).warnings == ()


def damaged(kind: str, path: Path) -> Path:
    """Write a file with this fault."""
    whole = edf_files.write(path / "whole.edf", signal(), RATE_HZ, LABELS).read_bytes()
    file = path / "damaged.edf"
    if kind == "annotations only":
        return edf_files.write(file, signal(channels=0), RATE_HZ, (), marks=[(1, 1, "x")])
    if kind == "no channels":
        return edf_files.write(file, signal(channels=0), RATE_HZ, ())
    if kind == "something else":
        file = path / "damaged.mat"
    contents = {
        "header only": whole[:1024],
        "half a header": whole[:700],
        "empty": b"",
        "text": b"not a recording at all\n" * 100,
        "something else": b"MATLAB 5.0 MAT-file" + bytes(200),
    }
    file.write_bytes(contents[kind])
    return file


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("header only", "no_samples"),
        ("half a header", "decode_failed"),
        ("empty", "decode_failed"),
        ("text", None),
        ("annotations only", "no_channels"),
        ("no channels", "no_channels"),
        ("something else", "decode_failed"),
    ],
)
def test_a_damaged_file_is_an_error_that_says_so(
    kind: str, code: str | None, tmp_path: Path
) -> None:
    with pytest.raises(RecordError) as caught:
        eeg_files.read(damaged(kind, tmp_path))
    assert code in (None, caught.value.code), caught.value
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for name in ("no.edf", "no.fif", "no.vhdr"):
        with pytest.raises(RecordError):
            eeg_files.read(tmp_path / name)


def test_a_unit_must_be_one(tmp_path: Path) -> None:
    path = edf_files.write(tmp_path / "a.edf", signal(), RATE_HZ, LABELS)
    with pytest.raises(RecordError, match="unknown unit furlong"):
        eeg_files.read(path, "furlong")
