"""Cleaning is mne's filter, reference and resampling, and every fault is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_files, eeg_repair
from emocli.signals.eeg_cleaning import clean
from emocli.signals.eeg_preparation import Preparation

RATE_HZ = 250
NAMES = ("Fp1", "Fp2", "F3", "F4", "Cz", "P3", "P4", "O1", "O2", "Pz")


def samples(seconds: float = 40, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return noise (channels, time) with an SD of 10 uV that neighbours share, and a drift."""
    random = np.random.default_rng(3)
    time = round(seconds * rate_hz)
    shared = random.standard_normal(time)
    own = random.standard_normal((len(NAMES), time))
    return 10 * (0.8 * shared + 0.6 * own) + np.linspace(0, 30, time)


def recording(values: np.ndarray, rate_hz: int = RATE_HZ, names: Any = NAMES) -> Any:
    """Return a recording of samples in uV, as `eeg_files.read` does."""
    info = mne.create_info(list(names), rate_hz, "eeg")
    raw = mne.io.RawArray(values * 1e-6, info, verbose="ERROR")
    scales = np.full(len(names), 1e6)
    return eeg_files.Recording(
        tuple(names), float(rate_hz), values.shape[1], (), (), (), raw, scales,
        tuple(range(len(names))),
    )  # fmt: skip


def by_mne(values: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return what mne makes of samples held in memory, uV."""
    info = mne.create_info(list(NAMES), RATE_HZ, "eeg")
    raw = mne.io.RawArray(values * 1e-6, info, verbose="ERROR")
    raw.notch_filter([50, 100], verbose="ERROR").filter(1.0, 45.0, verbose="ERROR")
    raw.set_eeg_reference("average", verbose="ERROR")
    return raw.resample(rate_hz, method="polyphase", verbose="ERROR").get_data() * 1e6


WANTED = Preparation(band_hz=(1.0, 45.0), notch_hz=50.0, rate_hz=100.0)


def test_it_is_mne_s_filter_reference_and_resampling() -> None:
    found = clean(recording(samples()), WANTED).eeg
    assert (found.names, found.rate_hz, found.duration) == (NAMES, 100.0, 40.0)
    expected = by_mne(samples(), 100.0)
    inner = slice(300, -300)  # mne's filters see the same samples but for the very ends
    np.testing.assert_allclose(found.samples[:, inner], expected[:, inner], atol=1e-4)
    np.testing.assert_allclose(found.samples, expected, atol=1e-2)


@pytest.mark.parametrize(("start", "end"), [(0, 12), (7.3, 21.3), (30, None), (4, 40)])
def test_a_part_is_what_it_is_in_the_whole(start: float, end: float | None) -> None:
    whole = clean(recording(samples()), WANTED).eeg
    part = clean(recording(samples()), WANTED, start, end).eeg
    first = round(start * 100)
    expected = whole.samples[:, first : first + part.samples.shape[1]]
    assert part.samples.shape[1] == round(((end or 40) - start) * 100)
    np.testing.assert_allclose(part.samples, expected, atol=2e-3)


def test_lost_samples_cost_their_windows_and_not_their_channel() -> None:
    values = samples()
    values[3, 5000:5010] = np.nan  # at 20 s
    found = clean(recording(values), Preparation(window_s=4, overlap_s=0))
    assert found.channels == {}
    assert found.windows == {"not_finite": 1}
    assert np.argwhere(found.eeg.wrong).tolist() == [[5, 3]]
    assert np.isfinite(found.eeg.samples).all()
    clear = clean(recording(samples()), Preparation(window_s=4, overlap_s=0))
    np.testing.assert_allclose(
        found.eeg.samples[3, : 15 * 200], clear.eeg.samples[3, : 15 * 200], atol=0.2
    )


def test_a_dead_channel_is_named_interpolated_and_not_in_the_reference() -> None:
    values = samples()
    values[4] = 0.0
    found = clean(recording(values), Preparation())
    assert found.channels == {"Cz": "flat, interpolated"}
    assert not found.eeg.wrong.any()
    assert found.eeg.samples[4].std() > 1.0
    others = [n for n in range(len(NAMES)) if n != 4]
    np.testing.assert_allclose(found.eeg.samples[others].mean(axis=0), 0, atol=1e-3)


def test_a_loud_channel_is_unlike_the_others_and_one_marked_bad_is_bad() -> None:
    values = samples()
    values[2] *= 40
    found = clean(recording(values), Preparation(), bad=("O1",))
    assert found.channels == {
        "F3": "unlike the others, interpolated",
        "O1": "marked bad, interpolated",
    }


def test_artifacts_are_marked_where_they_are() -> None:
    values = samples()
    values[0, 2500:2600] += 400  # a blink at 10 s
    found = clean(recording(values), Preparation(window_s=4, overlap_s=0))
    assert found.windows["artifact"] >= 1
    assert np.flatnonzero(found.eeg.wrong[:, 0]).tolist() == [2]
    (windows, usable), *_ = eeg_repair.repaired(found.eeg)
    assert usable.all()
    assert np.abs(windows[2, 0]).max() < 150


def test_without_positions_a_bad_channel_makes_its_windows_useless() -> None:
    names = [f"E{n}" for n in range(10)]
    values = samples()
    values[1] = 0.0
    found = clean(recording(values, names=names), Preparation())
    assert found.channels == {"E1": "flat"}
    assert found.eeg.wrong[:, 1].all()
    assert not any(usable.any() for _, usable in eeg_repair.repaired(found.eeg))


def test_nothing_good_is_an_error() -> None:
    with pytest.raises(RecordError, match="no channel is good"):
        clean(recording(np.zeros((len(NAMES), 2500))), Preparation())


def test_the_default_band_and_rate_are_what_the_recording_has() -> None:
    slow = clean(recording(samples(rate_hz=100), 100), Preparation())
    assert (slow.eeg.rate_hz, slow.band_hz) == (100.0, (0.5, None))
    fast = clean(recording(samples(rate_hz=8000, seconds=8), 8000), Preparation())
    assert (fast.eeg.rate_hz, fast.band_hz, fast.eeg.samples.shape[1]) == (200.0, (0.5, 75.0), 1600)
    with pytest.raises(RecordError, match="needs a rate above 150 Hz"):
        clean(recording(samples(rate_hz=100), 100), Preparation(band_hz=(0.5, 75.0)))


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [(41, None, "the recording has 40 s"), (9, 9, "from 9 to 9 s"), (1, 3, "less than a window")],
)
def test_a_span_that_cannot_be_is_refused(start: float, end: float | None, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        clean(recording(samples()), Preparation(), start, end)


def test_memory_is_that_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    source = recording(samples(seconds=200))
    read = eeg_files.Recording.read
    monkeypatch.setattr(
        eeg_files.Recording, "read", lambda self, a, b: taken.append(b - a) or read(self, a, b)
    )
    clean(source, Preparation())
    assert max(taken) <= eeg_files.BLOCK_S * RATE_HZ


def round_trip(path: Path, values: np.ndarray) -> eeg_files.Recording:
    info = mne.create_info(list(NAMES), RATE_HZ, "eeg")
    raw = mne.io.RawArray(values * 1e-6, info, verbose="ERROR")
    if path.suffix == ".fif":
        raw.save(path, verbose="ERROR")
    else:
        mne.export.export_raw(path, raw, verbose="ERROR")
    return eeg_files.read(path)


@pytest.mark.parametrize("name", ["a.edf", "a.bdf", "a.vhdr", "a.set", "a_raw.fif"])
def test_a_round_trip_through_a_format_changes_nothing(name: str, tmp_path: Path) -> None:
    found = round_trip(tmp_path / name, samples(seconds=10))
    read = np.concatenate(list(found.blocks()), axis=1)
    np.testing.assert_allclose(read, samples(seconds=10), atol=3e-3)
    cleaned = clean(found, Preparation()).eeg
    expected = clean(recording(samples(seconds=10)), Preparation()).eeg
    np.testing.assert_allclose(cleaned.samples, expected.samples, atol=3e-3)


def test_a_burst_on_one_electrode_is_not_in_the_mean_of_the_others() -> None:
    values = samples()
    values[5, 3000:3250] += 4000  # 12 to 13 s: a loose electrode; the filter rings before it
    found = clean(recording(values), Preparation(window_s=4, overlap_s=0))
    assert np.flatnonzero(found.eeg.wrong.any(axis=0)).tolist() == [5]
    assert set(np.flatnonzero(found.eeg.wrong[:, 5])) in ({3}, {2, 3})
    clear = clean(recording(samples()), Preparation(window_s=4, overlap_s=0)).eeg.samples
    others = [n for n in range(len(NAMES)) if n != 5]
    away = np.abs(found.eeg.samples - clear)[others]
    assert away[:, : 7 * 200].max() < 1.0
    assert away.max() < 15  # one channel less in the mean, and not 4000 / 10


def test_what_a_file_marks_bad_is_bad() -> None:
    marked = replace(recording(samples()), bad=("Fp2",), bad_spans=((10.0, 11.0),))
    found = clean(marked, Preparation(window_s=4, overlap_s=0))
    assert found.channels == {"Fp2": "marked bad, interpolated"}
    assert found.windows == {"marked": len(NAMES) - 1}
    assert np.flatnonzero(found.eeg.wrong.all(axis=1)).tolist() == [2]


def test_a_part_without_a_band_is_what_it_is_in_the_whole() -> None:
    wanted = Preparation(band_hz=(None, None), rate_hz=100.0, reference="recorded")
    whole = clean(recording(samples()), wanted).eeg.samples
    part = clean(recording(samples()), wanted, 11.0, 23.0).eeg.samples
    np.testing.assert_allclose(part, whole[:, 1100:2300], atol=1e-4)


def test_a_part_that_ends_after_the_recording_is_told() -> None:
    assert any(
        "ends at 40 s" in text for text in clean(recording(samples()), WANTED, 20, 60).warnings
    )
