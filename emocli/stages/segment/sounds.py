"""Give segments their samples: each file is decoded once, forward, as far as segments need it."""

from __future__ import annotations

from collections.abc import Iterator

from emocli.errors import RecordError
from emocli.modalities.audio import SOUND
from emocli.records import Record, failures
from emocli.signals import audio, sound_stream
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded
from emocli.signals.flows import About, Kept
from emocli.stages.segment.recordings import NAME, PLACE, Place, place_of


class Sounds:
    """Keeps the file of the last segment open, over windows."""

    def __init__(self) -> None:
        self.reading: _Reading | None = None

    def bring(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, with samples where a segment has none yet."""
        for record in records:
            if PLACE in record and SOUND not in record and not record.get("error"):
                try:
                    record[SOUND] = self._sound(record)
                except (RecordError, OSError) as error:
                    failures.mark(record, error, stage=NAME, modality="audio")
            yield record

    def close(self) -> None:
        """Close the file that is open."""
        if self.reading:
            self.reading.close()
        self.reading = None

    def _sound(self, record: Record) -> Decoded:
        start = round(record["start"] * SAMPLE_RATE_HZ)
        place: Place = record[PLACE]
        if self.reading is None or self.reading.place != place or start < self.reading.first:
            self.close()
            self.reading = _Reading(place)
        sound = self.reading.sound(start, round(record["end"] * SAMPLE_RATE_HZ))
        if not len(sound.samples):
            raise RecordError("no_such_span", f"no audio from {record['start']:g} s on")
        return sound._replace(warning=audio.short(sound.samples, record["start"], record["end"]))


class _Reading:
    """A file that is decoded as far as its segments need it. Segments come by their start."""

    def __init__(self, place: Place) -> None:
        if place_of(place.path) != place:
            message = "the file has changed since its pauses were looked for"
            raise RecordError("changed", message, hint="run the command again")
        self.place, self.kept, self.about = place, Kept(), About()
        self.blocks = sound_stream.blocks(place.path, self.about)

    @property
    def first(self) -> int:
        """The first sample that is still here."""
        return self.kept.first

    def sound(self, start: int, end: int) -> Decoded:
        """Return the samples from `start` to `end`, as far as the file has them."""
        while self.kept.end < end and (block := next(self.blocks, None)) is not None:
            self.kept.add(block)
            self.kept.drop(start)
        self.kept.drop(start)
        piece = self.kept.piece(start, end)
        return Decoded(piece, self.about.channels, self.about.decoder, None)

    def close(self) -> None:
        """Stop decoding."""
        if close := getattr(self.blocks, "close", None):
            close()
