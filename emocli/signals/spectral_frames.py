"""Describe the spectrum of a recording frame by frame: tilt, harmonics, flux, cepstrum.

The measures of eGeMAPS (Eyben et al. 2016, https://doi.org/10.1109/TAFFC.2015.2457417), in numpy.
Our choices: Hann windows of 32 ms, as in `voice_quality`, which separate the harmonics of a voice
of 62 Hz and more; flux between spectra of equal energy, so that it does not depend on loudness;
twelve cepstral coefficients where eGeMAPS has four. Nothing here depends on the level except where
a band is below -120 dBFS.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from emocli.signals.voice_quality import HIGH_BAND_HZ, LOW_BAND_HZ, SPECTRUM_S

Array = npt.NDArray[np.float64]

PADDING = 2  # zeros after the window: a peak between two bins loses 0.4 dB at most
LOBE = 4 * PADDING  # bins of a Hann window's main lobe
FLOOR = 1e-12  # mean square of a band, -120 dBFS: below the noise of 16 bits
PEAKS_HZ = (2000.0, 5000.0)  # Hammarberg et al. 1980: the strongest below 2 kHz, and above
LINES_HZ = ((0.0, 500.0), (500.0, 1500.0))
BANDS, LOWEST_HZ, HIGHEST_HZ = 26, 20.0, 8000.0  # triangles of the cepstrum, as in openSMILE
CEPSTRUM = 12
NEAR = 0.25  # of the pitch: range of the search for a harmonic's peak

COLUMNS = (
    "alpha_ratio_db",
    "hammarberg_db",
    "slope_0_500_db_per_khz",
    "slope_500_1500_db_per_khz",
    "flux",
    *(f"mfcc_{number}" for number in range(1, CEPSTRUM + 1)),
)


def power(samples: npt.NDArray[np.floating], rate_hz: float, times: Array) -> Array:
    """Return the power spectra (frames, bins) of windows centred on `times`, zeros around the ends.

    The bins of a frame add up to the mean square under its window.
    """
    width = 2 * round(SPECTRUM_S * rate_hz / 2)
    first = np.rint(times * rate_hz).astype(int) - width // 2
    low, high = int(first.min()), int(first.max()) + width
    part = np.asarray(samples[max(low, 0) : max(high, 0)], np.float64)
    part = np.pad(part, (max(-low, 0), max(high - len(samples), 0)))
    window = np.hanning(width)
    transform = np.fft.rfft(
        part[(first - low)[:, None] + np.arange(width)] * window, PADDING * width
    )
    scale = 2 / (PADDING * width * np.square(window).sum())
    spectra: Array = np.square(np.abs(transform)) * scale
    return spectra


def shape(spectra: Array, rate_hz: float) -> Array:
    """Return `COLUMNS` (frames, columns) of power spectra (frames, bins).

    alpha_ratio_db: level in 1-5 kHz less that in 50-1000 Hz (the sign of `voice_quality`).
    hammarberg_db: strongest bin below 2 kHz less the strongest in 2-5 kHz. slope: `_slope`. flux:
    distance from the amplitudes of the frame before, both of length one; 0 for the first. mfcc:
    `cepstrum`.
    """
    hertz = np.linspace(0, rate_hz / 2, spectra.shape[1])
    level_db = _level_db(spectra)
    high, low = (_band_db(spectra, hertz, band) for band in (HIGH_BAND_HZ, LOW_BAND_HZ))
    middle, top = PEAKS_HZ
    below = level_db[:, hertz < middle].max(axis=1)
    above = level_db[:, (hertz >= middle) & (hertz < top)].max(axis=1)
    lines = [_slope(hertz, spectra, band) for band in LINES_HZ]
    columns = [high - low, below - above, *lines, _flux(spectra)]
    return np.column_stack([*columns, cepstrum(spectra, rate_hz)])


def _band_db(spectra: Array, hertz: Array, band: tuple[float, float]) -> Array:
    return _level_db(spectra[:, (hertz >= band[0]) & (hertz < band[1])].sum(axis=1))


def _level_db(power: Array) -> Array:
    level: Array = 10 * np.log10(np.maximum(power, FLOOR))
    return level


def _slope(hertz: Array, spectra: Array, band: tuple[float, float]) -> Array:
    """Return the slope (frames,) of the line through the levels in a band, in dB per kHz.

    Levels are over 125 Hz each, a main lobe of the window: single bins may fall between harmonics.
    """
    count = len(hertz) // LOBE * LOBE
    means = spectra[:, :count].reshape(len(spectra), -1, LOBE).mean(axis=2)
    centres = hertz[:count].reshape(-1, LOBE).mean(axis=1)
    inside = (centres >= band[0]) & (centres < band[1])
    about = (centres[inside] - centres[inside].mean()) / 1000
    slope: Array = _level_db(means[:, inside]) @ about / (about @ about)
    return slope


def _flux(spectra: Array) -> Array:
    amplitudes = np.sqrt(np.maximum(spectra, FLOOR))
    units = amplitudes / np.linalg.norm(amplitudes, axis=1, keepdims=True)
    steps = np.linalg.norm(np.diff(units, axis=0), axis=1)
    flux: Array = np.concatenate([np.zeros(1), steps])
    return flux


def cepstrum(spectra: Array, rate_hz: float) -> Array:
    """Return mel-frequency cepstral coefficients 1 to 12 (frames, 12) of power spectra.

    The orthonormal cosine transform of the natural logarithm of the energy in 26 mel bands (Davis &
    Mermelstein 1980, https://doi.org/10.1109/TASSP.1980.1163420). Coefficient 0, the level, is
    left out.
    """
    energies = spectra @ _mel_bands(spectra.shape[1], rate_hz).T
    place = (np.arange(BANDS) + 0.5) / BANDS
    orders = np.arange(1, CEPSTRUM + 1)
    cosines = np.sqrt(2 / BANDS) * np.cos(np.pi * orders[:, None] * place)
    coefficients: Array = np.log(np.maximum(energies, FLOOR)) @ cosines.T
    return coefficients


@functools.cache
def _mel_bands(bins: int, rate_hz: float) -> Array:
    """Return triangles (bands, bins) of height one, evenly spaced in mel, 2595 log10(1 + f/700)."""
    top = min(HIGHEST_HZ, rate_hz / 2)
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, top))
    edges = np.linspace(low, high, BANDS + 2)
    corners = 700 * (10 ** (edges / 2595) - 1)
    hertz = np.linspace(0, rate_hz / 2, bins)
    rise = (hertz - corners[:-2, None]) / np.diff(corners)[:-1, None]
    fall = (corners[2:, None] - hertz) / np.diff(corners)[1:, None]
    triangles: Array = np.minimum(rise, fall).clip(0.0)
    return triangles


def harmonic_differences(spectra: Array, rate_hz: float, f0_hz: Array, f3_hz: Array) -> Array:
    """Return H1 - H2 and H1 - A3 in dB (frames, 2), where pitch and F3 (frames,) are known.

    H1 and H2 are the peaks within a quarter of the pitch from it and from its double, A3 is the
    peak within half the pitch from F3: its strongest harmonic (Hanson 1997,
    https://doi.org/10.1121/1.417991).
    """
    h1 = _peak_db(spectra, rate_hz, f0_hz, NEAR * f0_hz)
    h2 = _peak_db(spectra, rate_hz, 2 * f0_hz, NEAR * f0_hz)
    a3 = _peak_db(spectra, rate_hz, f3_hz, f0_hz / 2)
    return np.column_stack([h1 - h2, h1 - a3])


def _peak_db(spectra: Array, rate_hz: float, centre_hz: Array, within_hz: Array) -> Array:
    """Return the level (frames,) of the strongest bin around a frequency, the nearest at least."""
    hertz = np.linspace(0, rate_hz / 2, spectra.shape[1])
    distance = np.abs(hertz - centre_hz[:, None])
    near = distance <= np.maximum(within_hz, hertz[1] / 2)[:, None]
    return _level_db(np.where(near, spectra, 0.0).max(axis=1))
