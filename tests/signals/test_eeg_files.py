"""Recordings of EEG: what is read is what was written, and what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_files
from tests.signals import edf_files, gdf_files

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
    assert recording.warnings == ()
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


@pytest.mark.parametrize(
    ("unit", "hint"), [("V", "--unit uV"), ("", "--unit uV"), ("mV", "--unit uV")]
)
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
    assert recording.warnings == ("the file is cut short: 13 of 20 s are there",)
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


@pytest.mark.parametrize(("suffix", "beside_hz"), [(".edf", 200), (".bdf", 200), (".edf", 50)])
def test_a_channel_of_another_rate_does_not_change_the_eeg(
    suffix: str, beside_hz: int, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    values, marks = signal(40), [(1.5, 2.0, "joy")]
    alone = edf_files.write(tmp_path / f"a{suffix}", values, RATE_HZ, LABELS, marks=marks)
    ecg = ("ECG", 100 * np.sin(np.arange(40 * beside_hz)))
    mixed = edf_files.write(
        tmp_path / f"b{suffix}", values, RATE_HZ, LABELS, marks=marks, beside=ecg
    )
    found = eeg_files.read(mixed)
    assert (found.names, found.rate_hz, found.duration) == (LABELS, 100.0, 40.0)
    assert samples(found).tobytes() == samples(eeg_files.read(alone)).tobytes()
    assert found.others == (f"ECG ({beside_hz} Hz)",)
    assert [mark.text for mark in found.marks] == ["joy"]
    assert found.warnings == ()
    assert not recwarn.list


def test_channels_of_several_rates_in_gdf_do_not_bend_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    channels = {
        "ECG": 100 * np.sin(np.arange(20 * 200)),
        **dict(zip(LABELS, signal(), strict=True)),
    }
    recording = eeg_files.read(gdf_files.write(tmp_path / "a.gdf", channels, 20))
    whole = samples(recording)
    np.testing.assert_allclose(whole[1:, ::2], signal(), atol=0.02)
    monkeypatch.setattr(eeg_files, "BLOCK_S", 3.3)
    np.testing.assert_array_equal(samples(recording), whole)
    assert recording.warnings == (
        "channels of several rates, all brought to 200 Hz in memory (0 MB)",
    )
    assert not recwarn.list


def test_a_channel_of_triggers_at_a_lower_rate_keeps_its_events(tmp_path: Path) -> None:
    codes = np.repeat([0.0, 7.0, 0.0], [100, 10, 90])  # 10 Hz
    path = edf_files.write(
        tmp_path / "a.edf", signal(), RATE_HZ, LABELS, beside=("STATUS", codes), range_uv=32767.0
    )
    recording = eeg_files.read(path)
    assert recording.others == ("STATUS (stim)",)
    (event,) = eeg_files.events(recording)
    assert (event.start, event.text) == (10.0, "7")


def test_an_electrode_of_another_rate_is_told(tmp_path: Path) -> None:
    pz = ("Pz", np.tile(signal(channels=1)[0], 2))
    path = edf_files.write(tmp_path / "a.edf", signal(), RATE_HZ, LABELS, beside=pz)
    recording = eeg_files.read(path)
    assert recording.names == LABELS
    assert recording.warnings == ("left out, since most electrodes have another rate: Pz",)


def test_what_is_marked_as_bad_or_cut_is_no_event(tmp_path: Path) -> None:
    raw = mne.io.RawArray(
        signal() * 1e-6, mne.create_info([*LABELS], RATE_HZ, "eeg"), verbose="ERROR"
    )
    other = raw.copy()
    raw.append(other)
    notes = [(2.0, 1.5, "BAD_blink"), (4.0, 2.0, "film"), (5.0, 0.0, "bad moment")]
    for note in [*notes, (30.0, 0.0, "boundary"), (39.5, 9.0, "bad"), (40.0, 0.0, "boundary")]:
        raw.annotations.append(*note)
    raw.info["bads"] = ["Cz"]
    raw.save(tmp_path / "other name.fif", verbose="ERROR")
    recording = eeg_files.read(tmp_path / "other name.fif")
    assert [mark.text for mark in recording.marks] == ["film"]
    assert [mark.text for mark in eeg_files.marks(tmp_path / "other name.fif")] == ["film"]
    assert eeg_files.events(recording) == ()
    assert recording.bad == ("Cz",)
    np.testing.assert_allclose(recording.bad_spans, [(2.0, 3.5), (39.5, 40.0)])
    assert recording.gaps == (20.0, 30.0)
    assert recording.warnings == (
        "the recording was cut at 20, 30 s: samples there do not follow each other",
    )


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_records_that_are_not_contiguous_are_told_and_their_marks_moved(
    suffix: str, tmp_path: Path
) -> None:
    starts = [5.5, 6.5, 7.5, *(38.5 + n for n in range(7))]  # 30 s are missing after 3 s
    marks = [(7.0, 1.0, "before"), (20.0, 0.0, "between"), (8.0, 31.5, "over"), (40.5, 1, "after")]
    path = edf_files.write(
        tmp_path / f"a{suffix}", signal(10), RATE_HZ, LABELS, marks=marks, starts=starts
    )
    found = eeg_files.read(path)
    assert found.warnings == (
        "records are not contiguous: 1 gap of 30 s after 3 s; "
        "times after it are those of the samples",
    )
    assert found.gaps == (3.0,)
    assert [(m.start, m.duration, m.text) for m in found.marks] == [
        (1.5, 1.0, "before"),
        (3.0, 0.0, "between"),
        (2.5, 1.5, "over"),
        (5.0, 1.0, "after"),
    ]


def test_several_gaps_are_counted_and_none_is_not_told(tmp_path: Path) -> None:
    for starts, told in (
        (range(6), ()),
        (
            (0, 1, 3, 4, 5.5, 6.5),
            (
                "records are not contiguous: 2 gaps of 1.5 s in all, the first after 2 s; "
                "times after it are those of the samples",
            ),
        ),
    ):
        path = edf_files.write(
            tmp_path / "a.edf", signal(6), RATE_HZ, LABELS, marks=[], starts=list(starts)
        )
        assert eeg_files.read(path).warnings == told


def test_a_given_unit_that_is_wrong_is_told_the_one_that_is_right(tmp_path: Path) -> None:
    path = edf_files.write(tmp_path / "a.edf", signal(), RATE_HZ, LABELS)
    with pytest.raises(RecordError, match="--unit uV"):
        eeg_files.read(path, "mV")
