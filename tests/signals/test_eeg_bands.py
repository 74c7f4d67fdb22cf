"""Features of EEG against closed forms and mne."""

from __future__ import annotations

import math

import mne
import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import eeg_bands as bands

RATE_HZ = 200
SECONDS = 4


def noise(seed: int, windows: int = 70, channels: int = 3, sd_uv: float = 10.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return sd_uv * random.standard_normal((windows, channels, SECONDS * RATE_HZ))


@pytest.mark.parametrize("hz", [2, 6, 11, 22, 40])
def test_a_sine_has_half_its_squared_amplitude_in_one_band(hz: int) -> None:
    amplitude_uv = 20.0
    wave = amplitude_uv * np.sin(2 * np.pi * hz * np.arange(SECONDS * RATE_HZ) / RATE_HZ + 0.3)
    power = bands.band_power(wave[None, None], RATE_HZ)[0, 0]
    here = [low <= hz < high for low, high in bands.BANDS.values()]
    np.testing.assert_allclose(power[here], amplitude_uv**2 / 2, rtol=1e-5)
    assert (power[np.logical_not(here)] < 1e-5 * amplitude_uv**2).all()


def test_white_noise_has_power_by_the_width_of_the_band() -> None:
    power = bands.band_power(noise(0, 500), RATE_HZ).mean(axis=(0, 1))
    widths = np.array([high - low for low, high in bands.BANDS.values()])
    np.testing.assert_allclose(power, 100.0 * widths / (RATE_HZ / 2), rtol=0.03)  # 3 SE


def test_differential_entropy_is_that_of_a_gaussian() -> None:
    entropy = bands.differential_entropy(np.array([1.0, 50.0, 0.0]))
    assert entropy[0] == pytest.approx(0.5 * math.log(2 * math.pi * math.e))
    assert entropy[1] == pytest.approx(0.5 * math.log(2 * math.pi * math.e * 50.0))
    assert np.isfinite(entropy[2])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("rate_hz", [200, 128, 250])
def test_band_power_is_the_sum_of_mne_s_welch(kind: type, rate_hz: int) -> None:
    signal = noise(1)[..., : 3 * rate_hz + 17].astype(kind)
    density, hz = mne.time_frequency.psd_array_welch(
        signal.astype(np.float64), rate_hz, n_fft=rate_hz, n_per_seg=rate_hz, verbose="ERROR"
    )
    expected = [density[..., (hz >= a) & (hz < b)].sum(-1) for a, b in bands.BANDS.values()]
    found = bands.band_power(signal, rate_hz)
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), rtol=1e-5)


def test_an_offset_of_electrodes_costs_no_digits() -> None:
    signal = noise(2)
    offset = signal + 40_000.0  # uV, as BioSemi records it
    near, far = (bands.band_power(s, RATE_HZ) for s in (signal, offset))
    np.testing.assert_allclose(near, far, rtol=1e-5)


def test_a_window_of_nan_costs_nothing_else() -> None:
    signal = noise(3)
    broken = signal.copy()
    broken[5, 1, 100:110] = np.nan
    whole, found = (bands.band_power(s, RATE_HZ) for s in (signal, broken))
    assert np.isnan(found[5, 1]).all()
    found[5, 1] = whole[5, 1]
    np.testing.assert_array_equal(found, whole)


def test_a_gain_changes_no_asymmetry_and_the_sides_have_opposite_signs() -> None:
    entropy = bands.differential_entropy(bands.band_power(noise(4), RATE_HZ))
    louder = bands.differential_entropy(bands.band_power(7 * noise(4), RATE_HZ))
    left = bands.asymmetry(entropy, [(0, 2)])
    assert left.shape == (70, 1, 5)
    np.testing.assert_allclose(left, bands.asymmetry(louder, [(0, 2)]), atol=1e-5)
    np.testing.assert_allclose(left, -bands.asymmetry(entropy, [(2, 0)]))
    assert bands.asymmetry(entropy, []).shape == (70, 0, 5)


def test_channels_are_outermost() -> None:
    values = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5)
    assert bands.flattened(values)[0].tolist() == list(range(15))


def test_bands_that_cannot_be_measured_are_named() -> None:
    with pytest.raises(RecordError, match="the band gamma ends at 50 Hz, a rate of 64 Hz at 32"):
        bands.band_power(noise(0), 64)
    with pytest.raises(RecordError, match=r"0\.2 s have no frequency in the band delta"):
        bands.band_power(noise(0)[..., :40], RATE_HZ)
