"""Summarise a sound in 72 numbers: mean and standard deviation of 36 features of its frames.

13 mel-frequency cepstral coefficients, 12 chroma, 7 spectral contrasts, zero-crossing rate,
roll-off, centroid and root mean square: the features by which DiME-Aug (see `dime`) compares
sounds, as librosa defines them with its defaults, https://librosa.org/doc/latest/feature.html, for
16 kHz. Contrast is that of Jiang et al., "Music type classification by spectral contrast feature",
ICME 2002, chroma after Ellis, https://www.ee.columbia.edu/~dpwe/resources/matlab/chroma-ansyn/.

One difference, our choice: chroma is tuned to A = 440 Hz; librosa estimates a tuning, which speech
does not have.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

RATE_HZ = 16_000
FRAME = 2048  # samples: 128 ms
HOP = 512  # samples: 32 ms
BINS = FRAME // 2 + 1
HERTZ = np.arange(BINS) * (RATE_HZ / FRAME)
BLOCK = 512  # frames whose spectra are in memory at a time: 4 MB

MELS, CEPSTRA, CHROMA, BANDS = 128, 13, 12, 7
LEAST_POWER, RANGE_DB = 1e-10, 80.0  # limits of decibels, below and above
LOWEST_BAND_HZ, TAIL = 200.0, 0.02  # of contrast: first octave; share that is peak, or valley
ROLL_OFF = 0.85  # of a frame's magnitude lies below


def summary(samples: Array) -> Array:
    """Return the numbers (72,) of at least one sample (time,) at 16 kHz: means, then SDs."""
    rows = frames(samples)
    return np.concatenate([rows.mean(axis=1), rows.std(axis=1)])


def frames(samples: Array) -> Array:
    """Return 36 features of each frame, (36, frames), of samples (time,) at 16 kHz.

    The frames are centred on every 512th sample, with silence before and after.
    """
    parts = [_of_spectrum(block) for block in _spectra(samples)]
    mel, chroma, peak, valley, rest = (np.concatenate(p, axis=1) for p in zip(*parts, strict=True))
    cepstra = _cosines() @ decibels(mel)
    contrast = decibels(peak) - decibels(valley)
    times = np.stack([_zero_crossings(samples), _root_mean_square(samples)])
    return np.concatenate([cepstra, chroma, contrast, times[:1], rest, times[1:]])


def decibels(power: Array) -> Array:
    """Return 10 log10 of power, cut off at 1e-10 and at 80 dB below the maximum."""
    values = 10 * np.log10(np.maximum(power, LEAST_POWER))
    return np.maximum(values, values.max() - RANGE_DB)


def _framed(samples: Array, edge: str) -> Array:
    padded = np.pad(np.asarray(samples, np.float64), FRAME // 2, mode=edge)  # type: ignore[call-overload]
    return np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]


def _spectra(samples: Array) -> Iterator[Array]:
    """Yield magnitudes (bins, at most BLOCK frames), through a periodic Hann window."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    framed = _framed(samples, "constant")
    for start in range(0, len(framed), BLOCK):
        yield np.abs(np.fft.rfft(framed[start : start + BLOCK] * window, axis=1)).T


def _of_spectrum(magnitude: Array) -> tuple[Array, ...]:
    """Return mel power, chroma, peaks, valleys, and roll-off with centroid, each (., frames)."""
    power = magnitude**2
    chroma = _chroma_filters() @ power
    peak, valley = _extremes(magnitude)
    rest = np.stack([_roll_off(magnitude), _centroid(magnitude)])
    return _mel_filters() @ power, chroma / _not_zero(chroma.max(axis=0)), peak, valley, rest


def _not_zero(values: Array) -> Array:
    return np.where(values > np.finfo(np.float32).tiny, values, 1.0)


def _roll_off(magnitude: Array) -> Array:
    """Return the least frequency, in Hz, below which 85 % of each frame's magnitude lies."""
    sums = magnitude.cumsum(axis=0)
    return HERTZ[(sums >= ROLL_OFF * sums[-1]).argmax(axis=0)]


def _centroid(magnitude: Array) -> Array:
    """Return each frame's mean frequency in Hz, weighted by magnitude; 0 in silence."""
    return (HERTZ @ magnitude) / _not_zero(magnitude.sum(axis=0))


def _extremes(magnitude: Array) -> tuple[Array, Array]:
    """Return the mean of each band's greatest and least 2 %, (7, frames) each."""
    extremes = []
    for first, last, counted in _bands():
        band = magnitude[first:last]
        tail = max(1, round(TAIL * counted))
        # Sorts the n-th smallest and the n-th largest into place.
        order = np.partition(band, (tail - 1, len(band) - tail), axis=0)
        extremes.append((order[-tail:].mean(axis=0), order[:tail].mean(axis=0)))
    peak, valley = zip(*extremes, strict=True)
    return np.stack(peak), np.stack(valley)


@functools.cache
def _bands() -> list[tuple[int, int, int]]:
    """Return the bins (first, last + 1) of each octave, and the number that its 2 % refer to.

    As in librosa a band includes the bin before it and excludes its last bin; the highest band
    goes up to the end.
    """
    edges = [0.0, *(LOWEST_BAND_HZ * 2.0**octave for octave in range(BANDS))]
    bands = []
    for octave in range(BANDS):
        inside = np.flatnonzero((edges[octave] <= HERTZ) & (edges[octave + 1] >= HERTZ))
        first = int(inside[0]) - (octave > 0)
        last = BINS if octave == BANDS - 1 else int(inside[-1]) + 1
        bands.append((first, last if octave == BANDS - 1 else last - 1, last - first))
    return bands


@functools.cache
def _mel_filters() -> Array:
    """Return Slaney's mel filters (128, bins): triangles of equal area from 0 to 8000 Hz."""
    step = np.log(6.4) / 27.0  # a mel is 200/3 Hz up to 1 kHz (15 mel), logarithmic above
    mel = np.linspace(0.0, 15.0 + np.log(RATE_HZ / 2 / 1000.0) / step, MELS + 2)
    hertz = np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * step))
    low, centre, high = (hertz[i : i + MELS, None] for i in range(3))
    rise, fall = (HERTZ - low) / (centre - low), (high - HERTZ) / (high - centre)
    return np.maximum(0.0, np.minimum(rise, fall)) * (2.0 / (high - low))


@functools.cache
def _cosines() -> Array:
    """Return the first 13 rows of the orthonormal discrete cosine transform (II) of 128 values."""
    angle = np.pi / MELS * np.outer(np.arange(CEPSTRA), np.arange(MELS) + 0.5)
    rows = np.sqrt(2.0 / MELS) * np.cos(angle)
    rows[0] /= np.sqrt(2.0)
    return rows


@functools.cache
def _chroma_filters() -> Array:
    """Return the weight of each bin for C, C sharp, ... B, (12, bins).

    A Gaussian around each semitone, as wide as a bin and at least a semitone; each bin's weights
    have norm one; octaves count by a Gaussian of two octaves around the fifth.
    """
    octaves = np.log2(np.arange(1, FRAME) * (RATE_HZ / FRAME) / 27.5)  # above the A of 27.5 Hz
    semitones = CHROMA * np.concatenate([[octaves[0] - 1.5], octaves])
    width = np.maximum(np.append(np.diff(semitones), 1.0), 1.0)
    away: Array = semitones - np.arange(CHROMA)[:, None]
    away = (away + CHROMA / 2) % CHROMA - CHROMA / 2
    weights = np.exp(-0.5 * (2 * away / width) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=0))
    weights *= np.exp(-0.5 * ((semitones / CHROMA - 5.0) / 2.0) ** 2)
    return np.roll(weights, -3, axis=0)[:, :BINS]  # from A to C


def _zero_crossings(samples: Array) -> Array:
    """Return the share of a frame's samples at which the sign changes."""
    values = _framed(np.where(np.abs(samples) <= LEAST_POWER, 0.0, samples), "edge")
    return np.array([np.count_nonzero(np.diff(np.signbit(row))) for row in values]) / FRAME


def _root_mean_square(samples: Array) -> Array:
    return np.array([np.sqrt(np.mean(row**2)) for row in _framed(samples, "constant")])
