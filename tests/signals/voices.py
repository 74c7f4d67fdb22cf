"""Voices with known pitch, loudness, length and formants, for tests and benches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RATE_HZ = 16_000
PRESSURE = 2e-5  # Praat's 0 dB
EDGE_S = 0.005  # how long a vowel takes to begin and to end
# Formants of a man in Hz (Peterson & Barney 1952, https://doi.org/10.1121/1.1906875), and the two
# above them that all his vowels share (Klatt 1980, https://doi.org/10.1121/1.383940).
HIGHER_HZ = (3500, 4500)
FORMANTS_HZ = {
    "ɑ": (730, 1090, 2440, *HIGHER_HZ),
    "i": (270, 2290, 3010, *HIGHER_HZ),
    "u": (300, 870, 2240, *HIGHER_HZ),
    "ɛ": (530, 1840, 2480, *HIGHER_HZ),
}
BANDWIDTHS_HZ = (60, 80, 120, 200, 200)


@dataclass(frozen=True)
class Vowel:
    """What is said, and what has to be found."""

    f0_hz: float = 150.0  # in its middle
    slope_st_per_s: float = 0.0
    seconds: float = 0.12
    level_db: float = 70.0  # of the whole vowel, edges and all
    phone: str = "ɑ"

    @property
    def track_hz(self) -> np.ndarray:
        time = (np.arange(round(self.seconds * RATE_HZ)) + 0.5) / RATE_HZ
        return self.f0_hz * 2 ** (self.slope_st_per_s * (time - self.seconds / 2) / 12)

    @property
    def f0_mean_hz(self) -> float:
        return float(self.track_hz.mean())


def sound(vowel: Vowel) -> np.ndarray:
    """Return the samples of a vowel: harmonics that fall by 6 dB per octave, through formants."""
    f0_hz = vowel.track_hz
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    wave = np.zeros(len(f0_hz))
    for k in range(1, int(7000 / f0_hz.max()) + 1):
        wave += gain(k * f0_hz, FORMANTS_HZ[vowel.phone]) / k * np.sin(k * phase)
    edge = round(EDGE_S * RATE_HZ)
    rise = np.sin(np.pi / 2 * (np.arange(edge) + 0.5) / edge) ** 2
    wave[:edge] *= rise
    wave[-edge:] *= rise[::-1]
    return wave * PRESSURE * 10 ** (vowel.level_db / 20) / np.sqrt(np.mean(wave**2))


def gain(hertz: np.ndarray, formants_hz: Sequence[float]) -> np.ndarray:
    """Return the gain (frequencies,) of resonances one after the other (Fant 1960)."""
    gains = np.ones(len(hertz))
    for centre, width in zip(formants_hz, BANDWIDTHS_HZ, strict=True):
        gains *= centre**2 / np.hypot(centre**2 - hertz**2, width * hertz)
    return gains


def said(
    vowels: Sequence[Vowel], gap_s: float = 0.1, noise_db: float = 25.0
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Return the samples of vowels with silence between them, and when each starts and ends."""
    parts = [np.zeros(round(gap_s * RATE_HZ))]
    spans = []
    for vowel in vowels:
        start = sum(map(len, parts)) / RATE_HZ
        parts += [sound(vowel), parts[0]]
        spans.append((start, start + len(vowel.track_hz) / RATE_HZ))
    whole = np.concatenate(parts)
    noise = np.random.default_rng(0).normal(0, PRESSURE * 10 ** (noise_db / 20), len(whole))
    return whole + noise, spans
