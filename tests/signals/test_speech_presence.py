from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from emocli.errors import ModelError
from emocli.signals import audio, speech_presence
from emocli.signals.speech_presence import FRAME, enough, seconds

RATE_HZ = 16_000
CLIPS = Path(__file__).parents[2] / "examples" / "clips"
SPOKEN = ["anger.mp3", "neutral.wav", "sadness.flac", "fear.opus"]
COUNT = 5 * RATE_HZ // 2


def sounds() -> dict[str, np.ndarray]:
    """Return sounds that nobody makes, at an RMS of one."""
    random, time = np.random.default_rng(0), np.arange(COUNT) / RATE_HZ
    spectrum = random.normal(size=COUNT // 2 + 1) + 1j * random.normal(size=COUNT // 2 + 1)
    hertz = np.maximum(np.fft.rfftfreq(COUNT, 1 / RATE_HZ), 20)
    click = np.zeros(COUNT)
    click[COUNT // 2] = 1.0
    made = {
        "white": random.normal(size=COUNT),
        "pink": np.fft.irfft(spectrum / np.sqrt(hertz), COUNT),
        "brown": np.fft.irfft(spectrum / hertz, COUNT),
        "tone": np.sin(2 * np.pi * 440 * time),
        "chirp": np.sin(2 * np.pi * (100 * time + 600 * time**2)),
        "hum": sum(np.sin(2 * np.pi * 50 * k * time + k) / k for k in (1, 2, 3)),
        "chord": sum(np.sin(2 * np.pi * 220 * 2 ** (n / 12) * time) for n in (0, 4, 7)),
        "click": click,
    }
    return {name: wave / np.sqrt(np.mean(wave**2)) for name, wave in made.items()}


@pytest.mark.parametrize("level_db", [-80, -40, -12])
def test_noise_tones_hum_and_clicks_are_nobody(level_db: float) -> None:
    pytest.importorskip("faster_whisper")
    for name, wave in sounds().items():
        samples = np.clip(wave * 10 ** (level_db / 20), -1, 1).astype(np.float32)
        found = seconds(samples)
        assert not enough(found, COUNT / RATE_HZ), (name, level_db, found)


@pytest.mark.parametrize("name", SPOKEN)
def test_somebody_who_speaks_is_heard_however_softly(name: str) -> None:
    pytest.importorskip("faster_whisper")
    recording = audio.read(str(CLIPS / name))
    loud = seconds(recording.samples)
    soft = seconds(recording.samples * np.float32(0.03))  # 30 dB less
    assert 1.0 < loud < recording.duration
    assert enough(soft, recording.duration)


def test_one_word_is_enough_in_a_short_recording_and_not_in_a_long_one() -> None:
    assert enough(0.16, 0.5)
    assert not enough(0.16, 2.0)
    assert not enough(0.0, 0.0)
    assert not enough(0.31, 2.0, least_s=0.5)


def test_what_sounds_unlike_speech_is_heard_again_slowed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def detector(samples: np.ndarray) -> np.ndarray:
        asked.append(len(samples))
        return np.full(len(samples) // FRAME, 0.5)  # certain when slowed, not before

    monkeypatch.setattr(speech_presence, "_detector", lambda: detector)
    assert seconds(np.zeros(RATE_HZ, np.float32)) == pytest.approx(1.0, abs=0.05)
    assert asked[1] == pytest.approx(asked[0] / speech_presence.SLOWED, abs=FRAME)


def test_speech_that_is_certain_is_heard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def detector(samples: np.ndarray) -> np.ndarray:
        asked.append(len(samples))
        return np.ones(len(samples) // FRAME)

    monkeypatch.setattr(speech_presence, "_detector", lambda: detector)
    assert seconds(np.zeros(RATE_HZ, np.float32)) == pytest.approx(1.0, abs=0.05)
    assert len(asked) == 1


@pytest.mark.parametrize("count", [0, 1, FRAME, FRAME + 1])
def test_any_number_of_samples_will_do(count: int) -> None:
    pytest.importorskip("faster_whisper")
    assert seconds(np.zeros(count, np.float32)) == 0.0


def test_without_a_detector_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speech_presence._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "faster_whisper.vad", None)
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(ModelError, match="pip install faster-whisper"):
        seconds(np.zeros(RATE_HZ, np.float32))
