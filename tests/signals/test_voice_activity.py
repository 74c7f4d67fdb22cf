from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from emocli.errors import ModelError
from emocli.signals import audio, voice_activity

RATE_HZ = 16_000
CLIP = Path(__file__).parents[2] / "examples" / "clips" / "neutral.wav"


def recording() -> tuple[np.ndarray, float]:
    """Return three seconds of silence, speech, three of silence; and the length of the speech."""
    speech, pause = audio.read(CLIP), np.zeros(3 * RATE_HZ, np.float32)
    return np.concatenate([pause, speech.samples, pause]), speech.duration


def check(spans: list[tuple[float, float]], seconds: float) -> None:
    assert spans
    assert spans[0][0] == pytest.approx(3, abs=0.4)
    assert spans[-1][1] == pytest.approx(3 + seconds, abs=0.6)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_speech_is_found_and_silence_is_not() -> None:
    pytest.importorskip("faster_whisper")
    samples, seconds = recording()
    check(voice_activity.speech_segments(samples), seconds)
    assert voice_activity.speech_segments(np.zeros(RATE_HZ, np.float32)) == []


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_the_torch_detector_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("silero_vad")
    monkeypatch.setitem(sys.modules, "faster_whisper.vad", None)
    samples, seconds = recording()
    spans = voice_activity.speech_segments(samples)
    assert spans
    check(spans, seconds)


def test_without_a_detector_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper.vad", None)
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(ModelError, match="pip install faster-whisper"):
        voice_activity.speech_segments(np.zeros(RATE_HZ, np.float32))


def test_a_breathless_speech_is_cut_into_parts_of_at_most_thirty_seconds() -> None:
    parts = voice_activity.halved((5.0, 100.0))
    assert (parts[0][0], parts[-1][1]) == (5.0, 100.0)
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert max(end - start for start, end in parts) <= voice_activity.MAX_SEGMENT_S
