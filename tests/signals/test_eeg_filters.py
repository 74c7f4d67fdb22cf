"""Filters and resampling in blocks are those of mne on the whole recording."""

from __future__ import annotations

from collections.abc import Iterator

import mne
import numpy as np
import pytest
from scipy import signal as scipy_signal

from emocli.errors import RecordError
from emocli.signals import eeg_filters

RATE_HZ = 200
PIECES = {"one": [], "many": [50, 51, 300, 310, 900, 2000, 2001], "late": [2900], "early": [3]}
every_cut = pytest.mark.parametrize("cut", PIECES)


def noise(samples: int = 3000) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((3, samples)).cumsum(axis=1)


def pieces(whole: np.ndarray, cut: str) -> Iterator[np.ndarray]:
    yield from np.split(whole, [c for c in PIECES[cut] if c < whole.shape[1]], axis=1)


def joined(blocks: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(blocks), axis=1)


@every_cut
@pytest.mark.parametrize("band", [(0.5, 75.0), (1.0, None), (None, 40.0)])
@pytest.mark.parametrize("samples", [3000, 400])
def test_filtering_in_blocks_is_mne_s_filter(
    cut: str, band: tuple[float | None, float | None], samples: int
) -> None:
    whole = noise(samples)
    expected = mne.filter.filter_data(whole, RATE_HZ, *band, verbose="ERROR")
    found = joined(eeg_filters.filtered(pieces(whole, cut), eeg_filters.band_pass(RATE_HZ, *band)))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(whole).max())


@every_cut
@pytest.mark.filterwarnings("ignore:filter_length")
def test_the_notch_is_mne_s(cut: str) -> None:
    whole = noise(6000)
    expected = mne.filter.notch_filter(whole, RATE_HZ, [50.0], verbose="ERROR")
    found = joined(eeg_filters.filtered(pieces(whole, cut), eeg_filters.notch(RATE_HZ, 50.0)))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(whole).max())


def test_the_notch_takes_the_mains_and_leaves_the_rest() -> None:
    times = np.arange(20 * 500) / 500
    hum, alpha = (np.sin(2 * np.pi * hz * times)[None] for hz in (50, 10))
    found = joined(eeg_filters.filtered(iter([hum + alpha]), eeg_filters.notch(500, 50.0)))
    inside = slice(3000, -3000)
    assert np.abs(found[0, inside] - alpha[0, inside]).max() < 0.01


@every_cut
@pytest.mark.parametrize("new_hz", [100, 128, 256])
def test_resampling_in_blocks_is_mne_s_polyphase(cut: str, new_hz: int) -> None:
    whole = noise()
    expected = mne.filter.resample(whole, new_hz, RATE_HZ, method="polyphase", verbose="ERROR")
    found = joined(eeg_filters.resampled(pieces(whole, cut), RATE_HZ, new_hz))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(whole).max())


@every_cut
@pytest.mark.parametrize(("rate_hz", "new_hz"), [(8000, 200), (100, 200), (250, 200), (512, 200)])
def test_other_rates_give_scipy_s_samples(cut: str, rate_hz: int, new_hz: int) -> None:
    whole = noise(2997)
    up, down = eeg_filters.ratio(rate_hz, new_hz).as_integer_ratio()
    expected = scipy_signal.resample_poly(whole, up, down, axis=1, padtype="reflect")
    found = joined(eeg_filters.resampled(pieces(whole, cut), rate_hz, new_hz))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(whole).max())


def test_a_rate_with_a_fraction_keeps_its_time() -> None:
    up_down = eeg_filters.ratio(250.037, 200.0)
    assert float(up_down) == pytest.approx(200 / 250.037, rel=1e-6)


def test_a_band_beyond_the_rate_is_refused() -> None:
    with pytest.raises(RecordError, match="up to 75 Hz needs a rate above 150 Hz"):
        eeg_filters.band_pass(100, 0.5, 75)
    with pytest.raises(RecordError, match="from 40 to 8 Hz is empty"):
        eeg_filters.band_pass(200, 40, 8)
    with pytest.raises(RecordError, match="no multiple of 60 Hz"):
        eeg_filters.notch(100, 60)


def test_nothing_in_is_nothing_out() -> None:
    taps = eeg_filters.band_pass(RATE_HZ, 1, 40)
    assert list(eeg_filters.filtered(iter([]), taps)) == []
    assert list(eeg_filters.resampled(iter([]), 200, 100)) == []


def test_the_same_rate_gives_the_same_samples() -> None:
    whole = noise()
    np.testing.assert_array_equal(joined(eeg_filters.resampled(iter([whole]), 200, 200)), whole)


def test_lost_samples_are_interpolated_and_nothing_else_changes() -> None:
    whole = np.stack([np.arange(10.0), np.arange(10.0) ** 2, np.full(10, np.nan)])
    broken = whole.copy()
    broken[0, 3:6] = np.nan
    broken[0, 9] = np.inf
    (found,) = eeg_filters.filled(iter([broken]))
    np.testing.assert_allclose(found[0], [*range(9), 8.0])
    np.testing.assert_array_equal(found[1], whole[1])
    assert (found[2] == 0).all()
