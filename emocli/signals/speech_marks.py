"""Turn probabilities of speech into spans of speech, window by window.

Silero's rules (https://github.com/snakers4/silero-vad, get_speech_timestamps), as faster-whisper
has them for a whole recording, with one difference: speech that is too long and has no pause of
0.1 s is cut where it is least like speech in the second half of what a span may have, rather than
wherever that ends.
"""

from __future__ import annotations

from typing import NamedTuple

WINDOW = 512  # samples that have one probability
SPEECH, SILENCE = 0.5, 0.35  # probabilities: at least, and below (Silero)
SHORT_PAUSE = 1568  # samples, 98 ms: where speech that is too long may be cut (Silero)
SMOOTHED = 3  # windows whose sum is compared, where there is no pause; our choice

Piece = tuple[int, int]  # the first sample, and the one after the last


class Durations(NamedTuple):
    """What counts as a span of speech, in samples."""

    longest: int
    silence: int  # a shorter one does not end a span
    speech: int  # less is no speech
    pad: int  # kept before and after a span


class Marks:
    """The spans so far; `take` returns those that are complete."""

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        # Silero leaves room for the padding of both ends, and for the window that goes beyond.
        self.most = durations.longest - WINDOW - 2 * durations.pad
        self.at = 0  # the first sample of the next window
        self.start: int | None = None  # of speech that has not ended
        self.probabilities: list[float] = []  # since then
        self.silent = 0  # where a silence begins; 0 if it speaks
        self.pause = self.resumed = 0  # the last pause where too long a span may be cut
        self.held: Piece | None = None  # without the padding at its end: what follows decides
        self.complete: list[Piece] = []

    def step(self, probability: float) -> None:
        """Take the probability of the next window."""
        speaks = probability >= SPEECH
        if speaks and self.silent:
            self.silent = 0
            if self.resumed < self.pause:
                self.resumed = self.at
        if self.start is None:
            if speaks:
                self._begin(self.at)
        else:
            too_long = self.at - self.start > self.most
            if too_long:
                self._cut(self.start)
            if probability < SILENCE and self.start is not None:
                self._be_silent(self.start)
        if self.start is not None:
            self.probabilities.append(probability)
        self.at += WINDOW
        self._release()

    def finish(self, end: int) -> None:
        """Complete the spans of a sound with so many samples."""
        if self.start is not None and end - self.start > self.durations.speech:
            self._end(self.start, end)
        if self.held:
            self.complete.append((self.held[0], min(end, self.held[1] + self.durations.pad)))
            self.held = None

    def take(self) -> list[Piece]:
        """Return the spans that are complete, once."""
        complete, self.complete = self.complete, []
        return complete

    @property
    def needed(self) -> int:
        """The first sample that a span yet to come may have."""
        if self.held:
            return self.held[0]
        return max((self.at if self.start is None else self.start) - self.durations.pad, 0)

    def _begin(self, start: int | None) -> None:
        """Forget the speech before; new speech may begin."""
        kept = 0 if start is None else (self.at - start) // WINDOW
        self.probabilities = self.probabilities[len(self.probabilities) - kept :]
        self.start, self.silent, self.pause, self.resumed = start, 0, 0, 0

    def _cut(self, start: int) -> None:
        """Cut speech that is too long: at its last pause, else where it is least like speech."""
        if self.pause:
            resumed = self.resumed if self.resumed >= self.pause else None
            self._end(start, self.pause)
            self._begin(resumed)
        else:
            place = start + WINDOW * _least(self.probabilities)
            self._end(start, place)
            self._begin(place)

    def _be_silent(self, start: int) -> None:
        """Note a window of silence; it ends the speech if it has lasted."""
        self.silent = self.silent or self.at
        if self.at - self.silent > SHORT_PAUSE:
            self.pause = self.silent
        if self.at - self.silent >= self.durations.silence:
            if self.silent - start > self.durations.speech:
                self._end(start, self.silent)
            self._begin(None)

    def _end(self, start: int, end: int) -> None:
        """Hold a span; share the silence between it and the span before."""
        pad = self.durations.pad
        if self.held:
            first, last = self.held
            between = start - last
            shared = between // 2 if between < 2 * pad else pad
            self.complete.append((first, last + shared))
            pad = shared
        self.held = (max(0, start - pad), end)

    def _release(self) -> None:
        """Complete the held span if nothing that follows can share its padding."""
        pad = self.durations.pad
        following = self.at if self.start is None else self.start
        if self.held and following - self.held[1] >= 2 * pad:
            self.complete.append((self.held[0], self.held[1] + pad))
            self.held = None


def _least(probabilities: list[float]) -> int:
    """Return the window in the second half that is least like speech, with its neighbours.

    >>> _least([0.9, 0.1, 0.9, 0.9, 0.5, 0.9, 0.9])
    4
    """
    reach = SMOOTHED // 2
    places = range(len(probabilities) // 2, max(len(probabilities) - reach, 1))
    near = {i: sum(probabilities[i - reach : i + reach + 1]) for i in places}
    return min(places, key=lambda i: (near[i], probabilities[i], -i))
