"""Find speech in a sound that comes block by block, with Silero's voice activity detector.

Silero Team, 2021-2024, https://github.com/snakers4/silero-vad; the network as bundled with
faster-whisper, run on blocks with its memory carried over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.signals.speech_marks import WINDOW, Durations, Marks, Piece

CONTEXT = 64  # samples that the network sees before the window that it judges
TOGETHER = 1024 * WINDOW  # samples that are judged at once: half a minute, 20 MB. Our choice.
UNITS = 128  # of its memory

Samples = npt.NDArray[np.float32]


def session() -> Any:
    """Return the network; ImportError if faster-whisper or onnxruntime are not installed."""
    from faster_whisper.vad import get_vad_model

    return get_vad_model().session


class Detector:
    """Spans of speech in 16 kHz samples that are fed block by block, each as soon as it is sure.

    Raises ImportError without faster-whisper.
    """

    def __init__(self, durations: Durations) -> None:
        self._session = session()
        self._memory = [np.zeros((1, 1, UNITS), np.float32)] * 2
        self._context = np.zeros(CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._marks = Marks(durations)
        self._fed = 0

    def feed(self, samples: Samples) -> list[Piece]:
        """Take the next samples (time,) in -1..1; return the spans that are complete."""
        self._fed += len(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // WINDOW * WINDOW
        self._rest = samples[whole:].copy()
        for place in range(0, whole, TOGETHER):
            self._judge(samples[place : min(place + TOGETHER, whole)])
        return self._marks.take()

    def finish(self) -> list[Piece]:
        """Return the remaining spans: there are no more samples."""
        last = np.zeros(WINDOW, np.float32)
        last[: len(self._rest)] = self._rest
        last[-CONTEXT:] = 0  # as faster-whisper does
        self._judge(last)
        self._marks.finish(self._fed)
        return self._marks.take()

    @property
    def needed(self) -> int:
        """The first sample that a span yet to come may have."""
        return self._marks.needed

    def _judge(self, samples: Samples) -> None:
        """Mark a whole number of windows."""
        rows = samples.reshape(-1, WINDOW)
        seen = np.empty((len(rows), CONTEXT + WINDOW), np.float32)
        seen[:, CONTEXT:] = rows
        seen[0, :CONTEXT] = self._context
        seen[1:, :CONTEXT] = rows[:-1, -CONTEXT:]
        self._context = rows[-1, -CONTEXT:].copy()
        inputs = {"input": seen, "h": self._memory[0], "c": self._memory[1]}
        probabilities, *self._memory = self._session.run(None, inputs)
        for probability in probabilities.reshape(-1).tolist():
            self._marks.step(probability)
