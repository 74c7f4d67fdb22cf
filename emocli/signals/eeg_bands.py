"""Measure an EEG window in bands: power, differential entropy, and their left-right differences.

The power of a band is Welch's spectrum (periodograms of 1 s without overlap, each without its mean,
in a Hamming window: the defaults of mne's `psd_array_welch`) summed over the band's frequencies,
low <= f < high, times their spacing: the band's variance in uV^2. The differential entropy of a
Gaussian signal is 1/2 ln(2 pi e variance), in nats (Shi, L.-C., Jiao, Y.-Y., Lu, B.-L. (2013),
https://doi.org/10.1109/EMBC.2013.6611075). The bands are those of SEED (Zheng, W.-L., Lu, B.-L.
(2015), https://doi.org/10.1109/TAMD.2015.2431497).

Our choices: each frequency is in one band, so that the bands' powers add up; an asymmetry is the
difference of differential entropies, left minus right, which no gain of the amplifier changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError

Array = npt.NDArray[np.float32]
Band = tuple[float, float]  # from, to, Hz; `to` is not in it

BANDS: dict[str, Band] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 14.0),
    "beta": (14.0, 31.0),
    "gamma": (31.0, 50.0),
}
LISTED = {name: list(edges) for name, edges in BANDS.items()}  # as records have them
VERSION = 1  # of the numbers below
SEGMENT_S = 1.0  # of a periodogram: frequencies 1 Hz apart
BLOCK = 32  # windows at a time: 4 s of 62 channels at 200 Hz are 6 MiB; larger blocks are slower
ENTROPY_OF_ONE = 0.5 * math.log(2 * math.pi * math.e)  # nats, of a variance of 1
LEAST_UV2 = 1e-12  # a variance that counts as zero: the entropy stays finite


def band_power(
    windows: npt.NDArray[np.floating], rate_hz: float, bands: Mapping[str, Band] = BANDS
) -> Array:
    """Return the power of windows (windows, channels, time), uV: (windows, channels, bands), uV^2.

    A channel that contains NaN has NaN for that window. Raises RecordError where a window has no
    frequency of a band, or the band goes beyond half the rate.
    """
    size = min(round(SEGMENT_S * rate_hz), windows.shape[2])
    taper = _hamming(size)
    weights = _weights(taper, columns_of(bands, size, rate_hz), windows.shape[2] // size)
    power = np.empty((*windows.shape[:2], len(bands)), np.float32)
    for start in range(0, len(windows), BLOCK):
        block = windows[start : start + BLOCK]
        power[start : start + BLOCK] = _of_block(block, taper, weights)
    return power


def columns_of(bands: Mapping[str, Band], size: int, rate_hz: float) -> list[tuple[int, int]]:
    """Return the columns (first, end) of each band in a spectrum of `size` samples."""
    found = []
    for name, (low_hz, high_hz) in bands.items():
        if high_hz > rate_hz / 2:
            message = f"the band {name} ends at {high_hz:g} Hz, a rate of {rate_hz:g} Hz at"
            hint = "a higher rate, or other bands"
            raise RecordError("band_too_high", f"{message} {rate_hz / 2:g} Hz", hint=hint)
        first, end = (math.ceil(hz * size / rate_hz - 1e-9) for hz in (low_hz, high_hz))
        if first >= end:
            message = f"{size / rate_hz:g} s have no frequency in the band {name}"
            raise RecordError("window_too_short", message, hint="longer windows")
        found.append((first, end))
    return found


def _of_block(block: npt.NDArray[np.floating], taper: Array, weights: Array) -> Array:
    """Return the power (windows, channels, bands) of a few windows."""
    from scipy.fft import rfft

    size = len(taper)
    count = block.shape[2] // size
    segments = block[..., : count * size].reshape(*block.shape[:2], count, size)
    mean = segments.mean(axis=3, keepdims=True, dtype=np.float64)  # of BDF often 10,000 times more
    tapered = (segments - mean.astype(block.dtype)).astype(np.float32, copy=False)
    tapered *= taper
    spectrum = rfft(tapered, axis=3)  # (windows, channels, segments, frequencies)
    square = spectrum.real**2
    square += spectrum.imag**2
    return square.sum(axis=2) @ weights


def _hamming(size: int) -> Array:
    """Return a periodic Hamming window (size,)."""
    return (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def _weights(taper: Array, columns: Sequence[tuple[int, int]], count: int) -> Array:
    """Return what squares of `count` spectra are multiplied by, (frequencies, bands).

    By Parseval the variance of a segment is the sum of 2 |X|^2 / (size sum taper^2) over its
    positive frequencies; half the rate, which would count once, is in no band.
    """
    size = len(taper)
    weights = np.zeros((size // 2 + 1, len(columns)), np.float32)
    for band, (first, end) in enumerate(columns):
        weights[first:end, band] = 2.0 / (count * size * np.square(taper, dtype=np.float64).sum())
    return weights


def differential_entropy(power_uv2: npt.NDArray[np.floating]) -> Array:
    """Return 1/2 ln(2 pi e variance), nats, of band powers in uV^2, of any shape.

    The power of a flat channel counts as 1e-12 uV^2.
    """
    variance = np.maximum(power_uv2, LEAST_UV2)
    return (ENTROPY_OF_ONE + 0.5 * np.log(variance)).astype(np.float32)


def asymmetry(entropy: npt.NDArray[np.floating], pairs: Sequence[tuple[int, int]]) -> Array:
    """Return left minus right of each pair of channels: (windows, pairs, bands).

    `entropy` is (windows, channels, bands), `pairs` the places of the left and the right channel.
    """
    left, right = np.array(pairs, np.intp).reshape(-1, 2).T
    return (entropy[:, left] - entropy[:, right]).astype(np.float32)


def flattened(values: Array) -> Array:
    """Return features (windows, channels, bands) as frames (windows, dim), channels outermost."""
    return values.reshape(len(values), -1)
