"""Whether anybody speaks in a recording: the seconds in which a voice is certain.

Silero VAD (Silero Team, 2021-2024, https://github.com/snakers4/silero-vad) judges 32 ms at a time.
It takes shrieks and sobs for something else; slowed down, where their pitch is that of a speaking
voice, it knows them. So where too little is found the recording is heard a second time, slowed.
The bounds are our choice, made on 1,958 acted clips and 1,920 made sounds: `examples/no_speech.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from emocli.errors import ModelError
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ

Samples = npt.NDArray[np.float32]

FRAME = 512  # samples that are judged at once: 32 ms
CERTAIN = 0.7  # probability of a frame of speech; at 0.5 melodies count as voices
SLOWED = 0.65  # of the speed: a shriek of 600 Hz becomes a voice of 400 Hz
CERTAIN_SLOWED = 0.4  # noise and music are less like speech when slowed
LEAST_S = 0.3  # less is a click, a squeak, a note
LEAST_SHARE = 0.3  # of a recording shorter than a second: one word is enough there


def seconds(samples: Samples) -> float:
    """Return the seconds of certain speech in samples (time,) at 16 kHz.

    Raises ModelError if no detector is installed.
    """
    found = _seconds(samples, CERTAIN)
    if enough(found, len(samples) / SAMPLE_RATE_HZ):
        return found
    import soxr

    slow = soxr.resample(samples, SAMPLE_RATE_HZ * SLOWED, SAMPLE_RATE_HZ)
    return max(found, SLOWED * _seconds(slow, CERTAIN_SLOWED))


def enough(speech_s: float, duration_s: float, least_s: float = LEAST_S) -> bool:
    """Return whether so many seconds of speech in a recording mean that somebody speaks.

    >>> enough(0.2, 3.0), enough(0.2, 0.5)
    (False, True)
    """
    return speech_s >= min(least_s, LEAST_SHARE * duration_s) and speech_s > 0


def _seconds(samples: Samples, threshold: float) -> float:
    padded = np.pad(samples, (0, -len(samples) % FRAME)).astype(np.float32, copy=False)
    if not len(padded):
        return 0.0
    return float(np.count_nonzero(_detector()(padded) >= threshold)) * FRAME / SAMPLE_RATE_HZ


@cache
def _detector() -> Callable[[Samples], Samples]:
    """Return the detector: samples (n * 512,) to the probability of speech in each frame (n,)."""
    try:
        from faster_whisper.vad import get_vad_model
    except ImportError:
        return _detector_of_torch()
    model = get_vad_model()
    return lambda samples: np.asarray(model(samples)).ravel()


def _detector_of_torch() -> Callable[[Samples], Samples]:
    try:
        import torch
        from silero_vad import load_silero_vad
    except (ImportError, OSError):
        raise ModelError(
            "no voice activity detector is installed", hint="pip install faster-whisper"
        ) from None
    model = load_silero_vad()

    def probabilities(samples: Samples) -> Samples:
        with torch.inference_mode():
            heard = model.audio_forward(torch.from_numpy(samples)[None], SAMPLE_RATE_HZ)
        return np.asarray(heard).ravel()

    return probabilities
