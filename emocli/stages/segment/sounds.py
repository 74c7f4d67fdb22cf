"""Give segments their samples: each file is decoded once, forward, as far as segments need it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emocli.errors import RecordError
from emocli.modalities.audio import SOUND
from emocli.records import Record, failures
from emocli.records.modality import in_file
from emocli.stages.segment.recordings import NAME, PLACE

if TYPE_CHECKING:
    from emocli.signals.ffmpeg import Decoded
    from emocli.stages.segment.reading import Reading


class Sounds:
    """Keeps the file of the last segment open, over windows."""

    def __init__(self) -> None:
        self.reading: Reading | None = None

    def bring(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, with samples where a segment has none yet."""
        for record in records:
            wanted = PLACE in record and SOUND not in record and not record.get("error")
            if wanted and in_file(record, "audio"):
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
        from emocli.stages.segment.reading import Reading  # numpy, soundfile

        place, start, end = record[PLACE], record["start"], record["end"]
        if self.reading is None or not self.reading.can_go_on(place, start):
            self.close()
            self.reading = Reading(place)
        return self.reading.sound(start, end)
