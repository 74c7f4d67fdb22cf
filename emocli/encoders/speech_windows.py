"""Cut recordings into windows for Whisper.

At most 30 s (Radford et al. 2022, section 2.1, https://arxiv.org/abs/2212.04356); where to cut, and
that short windows are padded to 10 or 20 s, is our choice (see `speech_to_text.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Span = tuple[float, float]  # start and end in seconds

SAMPLE_RATE_HZ = 16_000
WINDOW_S = 30.0  # the window that Whisper was trained on
LONGEST = round(WINDOW_S * SAMPLE_RATE_HZ)  # samples
TAIL_S = 1.0  # silence after the speech, so that the speech has an end
STEP_S = 10.0  # windows of one length go through the model together
GROUP_S = 240.0  # audio in one call: eight windows of 30 s
SILENCE_PEAK = 1e-4  # -80 dBFS: three steps of 16 bit


@dataclass(frozen=True)
class Window:
    """A part of recording number `row`; `spans` are the speech segments of the recording."""

    row: int
    start: float
    samples: Samples
    spans: Sequence[Span]
    language: str

    @property
    def length(self) -> int:
        """Samples including the silence after it; independent of the rest of the batch."""
        seconds = len(self.samples) / SAMPLE_RATE_HZ + TAIL_S
        return round(min(WINDOW_S, -(-seconds // STEP_S) * STEP_S) * SAMPLE_RATE_HZ)


def is_silent(samples: Samples) -> bool:
    """Return whether a recording is silent: no sample above -80 dBFS."""
    return not len(samples) or float(max(samples.max(), -samples.min())) < SILENCE_PEAK


def everywhere(count: int) -> list[Span]:
    """Return spans of at most 30 s that cover `count` samples, for use without a detector.

    >>> everywhere(40 * SAMPLE_RATE_HZ)
    [(0.0, 30.0), (30.0, 40.0)]
    """
    seconds = count / SAMPLE_RATE_HZ
    starts = np.arange(0.0, seconds, WINDOW_S).tolist()
    return [(start, min(start + WINDOW_S, seconds)) for start in starts]


def equal_windows(samples: Samples, longest: int = LONGEST) -> list[Samples]:
    """Cut samples (time,) into the fewest windows of equal length that are at most `longest`.

    >>> [len(window) for window in equal_windows(np.zeros(10, np.float32), longest=4)]
    [4, 3, 3]
    """
    return np.array_split(samples, max(1, -(-len(samples) // longest)))


def stretches(spans: Sequence[Span], duration: float) -> Iterator[Span]:
    """Yield the parts to decode: a short recording as a whole, else spans joined up to 30 s.

    >>> list(stretches([(1.0, 20.0), (22.0, 28.0), (40.0, 55.0)], 60.0))
    [(1.0, 28.0), (40.0, 55.0)]
    """
    if not spans:
        return
    if duration <= WINDOW_S:
        yield 0.0, duration
        return
    start, end = spans[0]
    for following in spans[1:]:
        if following[1] - start > WINDOW_S:
            yield start, end
            start = following[0]
        end = following[1]
    yield start, end


def sample(second: float) -> int:
    """Return the number of the sample at a time."""
    return round(second * SAMPLE_RATE_HZ)


def groups(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Yield the windows of one length and language together, in the order of time."""
    group: list[Window] = []
    for window in sorted(windows, key=lambda w: (w.length, w.language)):  # stable
        alike = group and (group[0].length, group[0].language) == (window.length, window.language)
        if group and (not alike or (len(group) + 1) * window.length > sample(GROUP_S)):
            yield group
            group = []
        group.append(window)
    if group:
        yield group
