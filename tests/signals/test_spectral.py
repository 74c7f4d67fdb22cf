"""Acoustic features: against scipy's transforms, and sounds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from emocli.signals import spectral

RATE = spectral.RATE_HZ
NAMES = {
    "cepstra": slice(0, 13),
    "chroma": slice(13, 25),
    "contrast": slice(25, 32),
    "crossings": 32,
    "roll_off": 33,
    "centroid": 34,
    "level": 35,
}


def sine(hertz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


def noise(seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).normal(size=int(seconds * RATE))


def inner(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Return the features of the frames that do not reach over an end."""
    rows = spectral.frames(samples)[:, 3:-3]
    return {name: rows[place] for name, place in NAMES.items()}


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Return magnitudes (bins, frames) by scipy."""
    frame = scipy.signal.ShortTimeFFT(
        scipy.signal.windows.hann(2048, sym=False), hop=512, fs=RATE, fft_mode="onesided"
    )
    first, last = 0, len(samples) // 512 + 1
    return np.abs(frame.stft(samples, p0=first, p1=last))


def mel(hertz: np.ndarray) -> np.ndarray:
    """Return Slaney's mel: 200/3 Hz each up to 1 kHz, then 27 to a factor of 6.4."""
    above = 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4)
    return np.where(hertz < 1000, 3 * hertz / 200, above)


def test_cepstra_are_the_cosine_transform_of_the_log_of_triangles_on_the_mel_scale() -> None:
    samples = noise() + sine(700)
    power = spectrogram(samples) ** 2
    grid = np.linspace(0, 8000, 200_001)
    corners = np.interp(np.linspace(0, mel(np.array(8000.0)), 130), mel(grid), grid)
    hertz = np.arange(1025) * RATE / 2048
    bands = []
    for low, centre, high in zip(corners, corners[1:], corners[2:], strict=False):
        triangle = np.interp(hertz, [low, centre, high], [0, 1, 0], left=0, right=0)
        bands.append(2 / (high - low) * triangle @ power)  # triangles of area one
    levels = 10 * np.log10(np.maximum(bands, 1e-10))
    levels = np.maximum(levels, levels.max() - 80)
    expected = scipy.fft.dct(levels, axis=0, norm="ortho")[:13]
    np.testing.assert_allclose(spectral.frames(samples)[:13], expected, rtol=1e-3, atol=0.02)


def test_contrast_is_what_sorting_each_octave_gives() -> None:
    samples = noise() + sine(1500)
    magnitude = spectrogram(samples)
    hertz = np.arange(1025) * RATE / 2048
    # Octaves above 200 Hz; each begins a bin early and ends a bin early, but for the last.
    edges = [200, 400, 800, 1600, 3200, 6400]
    first = [0, *(int(np.searchsorted(hertz, e)) - 1 for e in edges)]
    counted = [int((hertz <= 200).sum())]
    for low, high in zip(edges, [*edges[1:], 8001], strict=True):
        counted.append(int(((hertz >= low) & (hertz <= high)).sum()) + 1)
    peaks, valleys = [], []
    for octave, (begin, count) in enumerate(zip(first, counted, strict=True)):
        band = np.sort(magnitude[begin : begin + count - (octave < 6)], axis=0)
        tail = max(1, int(np.rint(0.02 * count)))
        peaks.append(band[len(band) - tail :].mean(axis=0))
        valleys.append(band[:tail].mean(axis=0))
    expected = 10 * np.log10(np.array(peaks)) - 10 * np.log10(np.array(valleys))
    np.testing.assert_allclose(spectral.frames(samples)[25:32], expected, rtol=1e-6, atol=1e-6)


def test_a_sine_has_its_own_frequency_level_and_crossings() -> None:
    distances = inner(sine(1000, level=0.5))
    np.testing.assert_allclose(distances["level"], 0.5 / np.sqrt(2), rtol=1e-3)
    np.testing.assert_allclose(distances["crossings"], 2 * 1000 / RATE, rtol=0.02)
    np.testing.assert_allclose(distances["centroid"], 1000, rtol=0.01)
    np.testing.assert_allclose(distances["roll_off"], 1000, atol=2 * RATE / 2048)


def test_white_noise_is_centred_in_the_middle_and_rolls_off_at_85_per_cent() -> None:
    distances = inner(noise(4.0))
    assert distances["centroid"].mean() == pytest.approx(4000, rel=0.02)
    assert distances["roll_off"].mean() == pytest.approx(0.85 * 8000, rel=0.02)
    assert distances["crossings"].mean() == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize(("hertz", "place"), [(440.0, 9), (261.63, 0), (523.25, 0), (369.99, 6)])
def test_a_tone_is_found_among_the_twelve(hertz: float, place: int) -> None:
    chroma = inner(sine(hertz))["chroma"]
    assert set(chroma.argmax(axis=0)) == {place}  # 0 is C, 9 is A
    np.testing.assert_allclose(chroma.max(axis=0), 1.0)


def test_a_tone_stands_out_where_it_is() -> None:
    distances = inner(sine(1000, level=0.3) + noise())["contrast"].mean(axis=1)
    assert distances.argmax() == 3  # 800 to 1600 Hz
    assert distances[3] > distances[4] + 6


def test_the_summary_is_72_means_and_deviations() -> None:
    samples = noise(0.5)
    rows, features = spectral.frames(samples), spectral.summary(samples)
    assert features.shape == (72,)
    np.testing.assert_allclose(features, [*rows.mean(axis=1), *rows.std(axis=1)])
    assert rows.shape == (36, 1 + len(samples) // 512)


@pytest.mark.parametrize("length", [1, 2, 511, 2047, 2048])
def test_the_shortest_sounds_and_silence_have_numbers(length: int) -> None:
    for samples in (np.zeros(length), noise()[:length], np.ones(length)):
        assert np.isfinite(spectral.summary(samples)).all()


def test_long_sounds_are_worked_on_in_blocks_that_do_not_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = noise(2.0)
    full = spectral.frames(samples)
    monkeypatch.setattr(spectral, "BLOCK", 7)
    np.testing.assert_allclose(spectral.frames(samples), full, rtol=1e-9, atol=1e-9)
