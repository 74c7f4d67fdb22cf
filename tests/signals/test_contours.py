from __future__ import annotations

import numpy as np
import pytest

from emocli.signals import contours, tracks

RATE_HZ = 16_000


def sine(hertz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def voice(f0_hz: np.ndarray) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    return 0.2 * sum(np.sin(k * phase) / k for k in range(1, 15))


def test_a_glide_is_followed_frame_by_frame() -> None:
    f0_hz = np.geomspace(120, 240, RATE_HZ)
    tracks = contours.follow(voice(f0_hz), 75, 500)
    known = np.isfinite(tracks.f0_hz)
    assert known.mean() > 0.95
    expected = np.interp(tracks.times[known], np.arange(RATE_HZ) / RATE_HZ, f0_hz)
    np.testing.assert_allclose(tracks.f0_hz[known], expected, rtol=0.01)


def test_it_is_what_prosody_measures() -> None:
    samples = np.concatenate([voice(np.full(8000, 140.0)), np.zeros(4000), sine(3000, 0.3)])
    measured = tracks.follow(samples, RATE_HZ)
    drawn = contours.follow(samples, measured.floor_hz, measured.ceiling_hz)
    np.testing.assert_array_equal(np.isfinite(drawn.f0_hz), measured.voiced)
    np.testing.assert_allclose(drawn.f0_hz[measured.voiced], measured.f0_hz[measured.voiced])
    finite = np.isfinite(drawn.intensity_db)
    np.testing.assert_allclose(drawn.intensity_db[finite], measured.intensity_db[finite])


def test_a_full_scale_sine_has_91_db() -> None:
    tracks = contours.follow(sine(1000, level=1.0), 75, 500)
    middle = tracks.intensity_db[len(tracks.intensity_db) // 2]
    assert middle == pytest.approx(20 * np.log10(np.sqrt(0.5) / 2e-5), abs=0.1)


@pytest.mark.parametrize("hertz", [300, 1000, 2500, 4500])
def test_a_sine_is_a_line_at_its_frequency(hertz: float) -> None:
    image = contours.spectrogram(sine(hertz))
    bins, columns = image.level_db.shape
    rows = (np.arange(bins) + 0.5) * image.highest_hz / bins
    middle = image.level_db[:, columns // 2]
    assert middle.max() == pytest.approx(0, abs=1)
    middle -= 6 * np.log2(rows / 1000)  # without its tilt
    assert rows[middle.argmax()] == pytest.approx(hertz, abs=40)
    # The bandwidth of a Gaussian of 5 ms is 260 Hz (Praat manual, "Sound: To Spectrogram...").
    half = rows[middle > middle.max() - 3]
    assert half[-1] - half[0] == pytest.approx(260, abs=60)


def test_equal_sines_an_octave_apart_differ_by_six_decibels() -> None:
    image = contours.spectrogram(sine(1000) + sine(2000))
    column = image.level_db[:, image.level_db.shape[1] // 2]
    rows = (np.arange(len(column)) + 0.5) * image.highest_hz / len(column)
    low, high = (column[np.abs(rows - hertz).argmin()] for hertz in (1000, 2000))
    assert high - low == pytest.approx(6, abs=0.5)


def test_a_click_stands_where_it_was() -> None:
    samples = np.full(RATE_HZ, 0.0)
    samples[12_000] = 1.0
    image = contours.spectrogram(samples)
    columns = image.level_db.shape[1]
    times = image.start + (np.arange(columns) + 0.5) / columns * (image.end - image.start)
    assert times[image.level_db.max(0).argmax()] == pytest.approx(0.75, abs=0.002)


def test_silence_has_nothing_to_draw() -> None:
    silence = np.zeros(RATE_HZ)
    tracks = contours.follow(silence, 75, 500)
    assert np.isnan(tracks.f0_hz).all()
    assert np.isnan(tracks.intensity_db).all()
    assert (contours.spectrogram(silence).level_db == -np.inf).all()


def test_the_shortest_clip_is_followed() -> None:
    tracks = contours.follow(sine(200, 0.1), 75, 500)
    assert len(tracks.loud_times)
    assert contours.spectrogram(sine(200, 0.1)).level_db.max() == 0


def test_the_envelope_holds_every_sample() -> None:
    samples = np.array([1.0, -2, 3, -4, 5, -6, 0])
    low, high = contours.envelope(samples, 3)  # parts of 2, 2 and 3 samples
    assert (low.tolist(), high.tolist()) == ([-2, -4, -6], [1, 3, 5])
    low, high = contours.envelope(samples, 100)
    assert low.tolist() == high.tolist() == samples.tolist()
