"""Find the speech in a recording.

Silero VAD (Silero Team, 2021-2024, https://github.com/snakers4/silero-vad), as bundled with
faster-whisper (onnxruntime), else from the package silero-vad (torch). The durations are our
choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emocli.errors import ModelError
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ
from emocli.signals.speech_marks import Durations

if TYPE_CHECKING:
    from emocli.signals.speech_spans import Detector

MAX_SEGMENT_S = 30.0  # the window of Whisper
MIN_SILENCE_MS = 500  # a shorter pause does not end a turn
MIN_SPEECH_MS = 250  # less is a click or a cough
PAD_MS = 100  # kept before and after, so that no onset is cut
CUT_PAD_MS = 300  # where the rest is lost: a weak onset is found a quarter of a second late

MISSING = "no voice activity detector is installed"
HINT = "pip install faster-whisper"

Span = tuple[float, float]


def speech_segments(samples: npt.NDArray[np.float32]) -> list[Span]:
    """Return (start, end) in seconds of the speech in samples (time,) at 16 kHz.

    No segment is longer than 30 s. Raises ModelError if no detector is installed.
    """
    return [part for span in _detect(samples) for part in halved(span)]


def segments_of(blocks: Iterable[npt.NDArray[np.float32]]) -> list[Span]:
    """Return the same of samples that come block by block, in memory that does not grow.

    Without faster-whisper they are put together.
    """
    try:
        found = detector()
    except ModelError:
        return speech_segments(np.concatenate([np.zeros(0, np.float32), *blocks]))
    pieces = [piece for block in blocks for piece in found.feed(block)] + found.finish()
    return [part for piece in pieces for part in halved(_seconds(piece))]


def _seconds(piece: tuple[int, int]) -> Span:
    return piece[0] / SAMPLE_RATE_HZ, piece[1] / SAMPLE_RATE_HZ


def halved(span: Span) -> list[Span]:
    """Cut a span into halves until none is longer than 30 s.

    >>> halved((0.0, 40.0))
    [(0.0, 20.0), (20.0, 40.0)]
    """
    start, end = span
    if end - start <= MAX_SEGMENT_S:
        return [span]
    middle = (start + end) / 2
    return [*halved((start, middle)), *halved((middle, end))]


def detector(pad_ms: int = PAD_MS) -> Detector:
    """Return a detector for sound that comes block by block; ModelError if none is installed."""
    from emocli.signals.speech_spans import Detector

    try:
        return Detector(durations(pad_ms))
    except ImportError:
        raise ModelError(MISSING, hint=HINT) from None


def durations(pad_ms: int = PAD_MS) -> Durations:
    """Return what counts as speech, in samples."""
    per_ms = SAMPLE_RATE_HZ // 1000
    pad = pad_ms * per_ms
    longest = round(MAX_SEGMENT_S * SAMPLE_RATE_HZ) - 2 * pad
    return Durations(longest, MIN_SILENCE_MS * per_ms, MIN_SPEECH_MS * per_ms, pad)


def _detect(samples: npt.NDArray[np.float32]) -> list[Span]:
    try:
        found = detector()
    except ModelError:
        marks = _detect_with_torch(samples)
        pieces = [(mark["start"], mark["end"]) for mark in marks]
    else:
        pieces = [*found.feed(samples), *found.finish()]
    return [_seconds(piece) for piece in pieces]


def _detect_with_torch(samples: npt.NDArray[np.float32]) -> list[dict[str, int]]:
    options = {
        "max_speech_duration_s": MAX_SEGMENT_S - 2 * PAD_MS / 1000,
        "min_silence_duration_ms": MIN_SILENCE_MS,
        "min_speech_duration_ms": MIN_SPEECH_MS,
        "speech_pad_ms": PAD_MS,
    }
    try:
        import torch
        from silero_vad import get_speech_timestamps, load_silero_vad
    except (ImportError, OSError):
        raise ModelError(MISSING, hint=HINT) from None
    return list(get_speech_timestamps(torch.from_numpy(samples), load_silero_vad(), **options))
