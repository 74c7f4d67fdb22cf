"""Windows, references and masks of EEG."""

from __future__ import annotations

import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_faults, eeg_windows

RATE_HZ = 100


def recording(seconds: float = 60, channels: int = 6) -> np.ndarray:
    return 10 * np.random.default_rng(3).standard_normal((channels, round(seconds * RATE_HZ)))


@pytest.mark.parametrize("cuts", [[], [1, 399, 400, 4000], list(range(70, 6000, 70))])
@pytest.mark.parametrize("overlap", [0.0, 2.0, 3.5])
@pytest.mark.parametrize("together", [1, 5, 32])
def test_windows_do_not_depend_on_blocks(cuts: list[int], overlap: float, together: int) -> None:
    whole, grid = recording(), eeg_windows.grid(RATE_HZ, 4, overlap)
    blocks = np.split(whole, cuts, axis=1)
    found = np.concatenate(list(eeg_windows.windows(blocks, grid, together)))
    assert len(found) == grid.count(6000)
    for place, window in enumerate(found):
        start = round(grid.start(place) * RATE_HZ)
        np.testing.assert_array_equal(window, whole[:, start : start + 400])


def test_what_is_shorter_than_a_window_is_told() -> None:
    grid = eeg_windows.grid(RATE_HZ, 4)
    assert list(eeg_windows.windows([recording(3)], grid)) == []
    with pytest.raises(RecordError, match="3 s are less than a window of 4 s"):
        eeg_windows.require_one(300, grid)
    eeg_windows.require_one(400, grid)


@pytest.mark.parametrize(("window", "overlap"), [(4, 4), (4, 5), (0, 0), (4, -1)])
def test_windows_that_cannot_be_are_refused(window: float, overlap: float) -> None:
    with pytest.raises(RecordError, match=f"windows of {window} s with an overlap of {overlap} s"):
        eeg_windows.grid(RATE_HZ, window, overlap)


def test_the_average_reference_is_of_the_good_channels_and_of_finite_samples() -> None:
    whole = recording()
    good = np.array([True] * 5 + [False])
    whole[5] *= 1000
    (found,) = eeg_windows.average_reference([whole], good)
    np.testing.assert_allclose(found[:5].mean(axis=0), 0, atol=1e-12)
    whole[0, 7] = np.nan
    (found,) = eeg_windows.average_reference([whole], good)
    assert np.isnan(found[0, 7])
    np.testing.assert_allclose(found[1:5, 7].mean(), 0, atol=1e-12)
    with pytest.raises(RecordError, match="no channel is good enough"):
        list(eeg_windows.average_reference([whole], np.zeros(6, bool)))


def windows() -> np.ndarray:
    return recording(40).reshape(6, 10, 400).transpose(1, 0, 2).copy()


def spoiled(kind: str) -> np.ndarray:
    found = windows()
    if kind == "not_finite":
        found[2, 1, 50:53] = np.nan
    elif kind == "flat":
        found[2, 1, 100:200] = 3.0  # for a second
        found[2, 3] = 5.0 + 0.003 * found[2, 3]
    elif kind == "clipped":
        found[2, 1] = np.clip(5 * found[2, 1], -60, 70)
    return found


@pytest.mark.parametrize("kind", eeg_faults.KINDS)
def test_a_fault_is_found_where_it_is_and_nowhere_else(kind: str) -> None:
    expected = np.zeros((10, 6), bool)
    expected[2, 1] = True
    expected[2, 3] = kind == "flat"
    found = eeg_faults.faults(spoiled(kind), RATE_HZ)
    assert set(found) == set(eeg_faults.KINDS)
    for name, mask in found.items():
        np.testing.assert_array_equal(mask, expected if name == kind else np.zeros((10, 6), bool))
    assert eeg_faults.counts(found) == {kind: int(expected.sum())}
    np.testing.assert_array_equal(eeg_faults.any_of(found), expected)


@pytest.mark.parametrize("step_uv", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("rate_hz", [100, 8000])
def test_coarse_converters_and_high_rates_are_no_fault(step_uv: float, rate_hz: int) -> None:
    random = np.random.default_rng(0)
    times = np.arange(4 * rate_hz) / rate_hz
    waves = [20 * np.sin(2 * np.pi * (hz * times + random.random())) for hz in (2, 6, 10, 21)]
    signal = sum(waves)[None, None] + random.standard_normal((5, 2, len(times)))
    found = eeg_faults.faults(np.round(signal / step_uv) * step_uv, rate_hz)
    assert eeg_faults.counts(found) == {}


def test_artifacts_are_what_leaves_the_median() -> None:
    found = windows() + 500.0
    found[4, 2, 10] += 400.0
    mask = eeg_faults.artifacts(found)
    assert mask[4, 2]
    assert mask.sum() == 1


def test_a_channel_is_bad_if_most_windows_are_or_if_it_is_unlike_the_others() -> None:
    wrong = np.zeros((10, 6), bool)
    wrong[:6, 0] = True
    wrong[:5, 1] = True
    assert eeg_faults.bad_channels(wrong).tolist() == [True] + [False] * 5
    sd_uv = np.array([10, 11, 9, 10.5, 300, 10])
    assert eeg_faults.bad_channels(wrong, sd_uv).tolist() == [True, *[False] * 3, True, False]


@pytest.mark.parametrize("start", range(0, 60, 7))
def test_half_a_second_without_change_is_found_wherever_it_begins(start: int) -> None:
    windows = np.random.default_rng(2).normal(0, 10, (2, 3, 4 * RATE_HZ))
    size = RATE_HZ // 2
    windows[1, 2, start : start + size] = 3.0
    windows[0, 0, start : start + size - 1] = 3.0  # a sample less
    found = eeg_faults.faults(windows, RATE_HZ)["flat"]
    assert np.argwhere(found).tolist() == [[1, 2]]
