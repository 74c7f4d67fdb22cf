"""Sounds without a voice: noise, tones, clicks, machines, birds, music; 16 kHz, made by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.signal import butter, sosfilt

RATE_HZ = 16_000
LEVELS_DB = (-80, -60, -40, -26, -12, -3)  # RMS; what goes beyond full scale is clipped
PARTIALS = np.arange(1, 12)[:, None]
BELL = np.array([1, 1.41, 2.2, 2.9, 3.6, 4.1, 5, 5.5, 6, 7, 8])[:, None]
CHORD, TONE = (0, 4, 7), (0,)  # semitones

Random = np.random.Generator
Maker = Callable[[Random, int], np.ndarray]


def seconds(count: int) -> np.ndarray:
    """Return the time of each sample."""
    return np.arange(count) / RATE_HZ


def coloured(power: float) -> Maker:
    """Return a maker of noise whose power falls with this power of the frequency."""

    def make(random: Random, count: int) -> np.ndarray:
        hertz = np.fft.rfftfreq(count, 1 / RATE_HZ)
        hertz[0] = hertz[1]
        spectrum = random.normal(size=len(hertz)) + 1j * random.normal(size=len(hertz))
        return np.fft.irfft(spectrum / hertz ** (power / 2), count)

    return make


def partials(hertz: float, amplitudes: np.ndarray) -> Maker:
    """Return a maker of a steady tone with harmonics."""
    numbers = np.arange(1, len(amplitudes) + 1)[:, None]

    def make(_: Random, count: int) -> np.ndarray:
        waves = np.sin(2 * np.pi * hertz * numbers * seconds(count))
        return (amplitudes[:, None] * waves).sum(0)

    return make


def swept(hertz: Callable[[np.ndarray], np.ndarray], harmonics: int = 1) -> Maker:
    """Return a maker of a tone whose frequency is a function of time."""

    def make(_: Random, count: int) -> np.ndarray:
        phase = 2 * np.pi * np.cumsum(hertz(seconds(count))) / RATE_HZ
        return sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))

    return make


def bursts(every_s: float, length: int, decay: float, band: tuple[int, int]) -> Maker:
    """Return a maker of bursts of noise at random times: clicks, claps, drops."""

    def make(random: Random, count: int) -> np.ndarray:
        wave = np.zeros(count)
        shape = np.exp(-np.arange(length) / decay)
        for at in random.integers(0, count - length, max(1, int(count / RATE_HZ / every_s))):
            wave[at : at + length] += random.normal(size=length) * shape
        return sosfilt(butter(2, band, "band", fs=RATE_HZ, output="sos"), wave)

    return make


def birds(random: Random, count: int) -> np.ndarray:
    """Make chirps of an eighth of a second."""
    wave, time = np.zeros(count), seconds(2000)
    for at in random.integers(0, count - 2000, max(1, count // 6000)):
        hertz = random.uniform(2500, 4500) + random.uniform(-8000, 8000) * time
        wave[at : at + 2000] += np.sin(2 * np.pi * np.cumsum(hertz) / RATE_HZ) * np.hanning(2000)
    return wave


def modulated(hertz: float, noise: Maker) -> Maker:
    """Return a maker of noise that comes and goes, as syllables do."""
    return lambda r, n: noise(r, n) * np.maximum(0, np.sin(2 * np.pi * hertz * seconds(n)))


def drums(random: Random, count: int) -> np.ndarray:
    """Make a beat of kick, snare and hat, four times a second."""
    wave = np.zeros(count)
    for beat, at in enumerate(range(0, count, RATE_HZ // 4)):
        time = seconds(min(RATE_HZ // 4, count - at))
        hiss = random.normal(size=len(time))
        kick = np.sin(2 * np.pi * (50 + 80 * np.exp(-20 * time)) * time) * np.exp(-10 * time)
        snare = hiss * np.exp(-15 * time) + 0.5 * np.sin(360 * np.pi * time) * np.exp(-20 * time)
        hat = 0.4 * hiss * np.exp(-50 * time)
        wave[at : at + len(time)] += (kick, hat, snare, hat)[beat % 4]
    return wave


def music(instrument: str, semitones: tuple[int, ...]) -> Maker:
    """Return a maker of random notes or chords of an organ, a string, a bell or a flute."""
    amplitudes = {"organ": 1 / PARTIALS, "string": PARTIALS**-1.5, "bell": 1 / PARTIALS}
    numbers = BELL if instrument == "bell" else PARTIALS
    decay = {"string": 4.0, "bell": 2.0}.get(instrument, 0.0)

    def make(random: Random, count: int) -> np.ndarray:
        wave = np.zeros(count)
        for at in range(0, count, int(0.4 * RATE_HZ)):
            time = seconds(min(int(0.8 * RATE_HZ), count - at))
            root = 110 * 2 ** (random.integers(24) / 12)
            shape = np.minimum(1, time / 0.02) * np.exp(-decay * time)
            for step in semitones:
                hertz = root * 2 ** (step / 12) * numbers
                heights = amplitudes.get(instrument, PARTIALS == 1) * (hertz < 7500)
                starts = random.uniform(0, 6, (len(hertz), 1))
                wave[at : at + len(time)] += shape * (
                    heights * np.sin(2 * np.pi * hertz * time + starts)
                ).sum(0)
        return wave

    return make


def mixed(*makers: Maker) -> Maker:
    """Return a maker of several sounds at once, equally loud."""

    def make(random: Random, count: int) -> np.ndarray:
        waves = [maker(random, count) for maker in makers]
        return sum(wave / wave.std() for wave in waves)

    return make


WHITE = coloured(0)
SOUNDS: dict[str, dict[str, Maker]] = {
    "noise": {
        "white noise": WHITE,
        "pink noise": coloured(1),
        "brown noise": coloured(2),
        "blue noise": coloured(-1),
        "wind": mixed(coloured(1.5), modulated(0.5, coloured(1.5))),
        "rain": mixed(coloured(0.5), bursts(0.0125, 200, 20, (300, 5000))),
        "noise at 4 Hz": modulated(4, coloured(1)),
    },
    "tones": {
        **{f"{hertz} Hz": partials(hertz, np.ones(1)) for hertz in (120, 440, 1000)},
        "square wave": partials(200, np.resize([1, 0], 37) / np.arange(1, 38)),
        "sawtooth": partials(130, 1 / np.arange(1, 50)),
        "two tones": mixed(partials(770, np.ones(1)), partials(1336, np.ones(1))),
        "chirp": swept(lambda t: 100 + 600 * t),
        "siren": swept(lambda t: 700 + 300 * np.sin(np.pi * t)),
        "vibrato": swept(lambda t: 220 * (1 + 0.03 * np.sin(11 * np.pi * t)), 14),
    },
    "hum and machines": {
        "hum 50 Hz": partials(50, np.array([1, 1 / 2, 1 / 3, 0, 1 / 5])),
        "motor": mixed(swept(lambda t: 40 + 20 * np.sin(0.4 * np.pi * t), 40), modulated(9, WHITE)),
    },
    "clicks, claps, birds": {
        "one click": bursts(99, 64, 8, (300, 5000)),
        "clicks": bursts(0.2, 64, 8, (300, 5000)),
        "claps": bursts(0.25, 1500, 150, (800, 3000)),
        "birds": birds,
    },
    "music": {
        **{f"{i}, chords": music(i, CHORD) for i in ("organ", "string", "bell", "flute")},
        **{f"{i}, a melody": music(i, TONE) for i in ("organ", "string", "bell", "flute")},
        "drums": drums,
        "band": mixed(music("organ", CHORD), drums, music("string", TONE)),
    },
}


def made(kind: str, seeds: range) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the samples (time,) of every sound of a kind, at every level."""
    for length_s in (1.0, 2.5, 5.0, 30.0):
        for seed in seeds if length_s < 30 else seeds[:1]:
            for name, maker in SOUNDS[kind].items():
                wave = maker(np.random.default_rng(seed), int(length_s * RATE_HZ))
                wave = wave / np.sqrt(np.mean(wave**2))
                for level_db in LEVELS_DB:
                    loud = np.clip(wave * 10 ** (level_db / 20), -1, 1)
                    title = f"{name}, {length_s:g} s, {level_db} dB, seed {seed}"
                    yield title, (np.round(loud * 32767) / 32767).astype(np.float32)
