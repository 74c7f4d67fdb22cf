"""Decode a file as far as its segments need it."""

from __future__ import annotations

from emocli.errors import RecordError
from emocli.signals import audio, sound_stream
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded
from emocli.signals.flows import About, Kept
from emocli.stages.segment.recordings import Place, place_of


class Reading:
    """A file that is decoded forward, for segments that come by their start.

    Raises RecordError if the file is not what it was when its segments were found.
    """

    def __init__(self, place: Place) -> None:
        if place_of(place.path) != place:
            message = "the file has changed since its pauses were looked for"
            raise RecordError("changed", message, hint="run the command again")
        self.place, self.kept, self.about = place, Kept(), About()
        self.blocks = sound_stream.blocks(place.path, self.about)

    def can_go_on(self, place: Place, start: float) -> bool:
        """Say whether this is the file, and still before a time."""
        return place == self.place and round(start * SAMPLE_RATE_HZ) >= self.kept.first

    def sound(self, start: float, end: float) -> Decoded:
        """Return the samples between two times; RecordError no_such_span if there are none."""
        first, last = (round(second * SAMPLE_RATE_HZ) for second in (start, end))
        while self.kept.end < last and (block := next(self.blocks, None)) is not None:
            self.kept.add(block)
            self.kept.drop(first)
        self.kept.drop(first)
        values = self.kept.piece(first, last)
        if not len(values):
            raise RecordError("no_such_span", f"no audio from {start:g} s on")
        warning = audio.short(values, start, end)
        return Decoded(values, self.about.channels, self.about.decoder, warning)

    def close(self) -> None:
        """Stop decoding."""
        if close := getattr(self.blocks, "close", None):
            close()
