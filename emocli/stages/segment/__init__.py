"""Cut recordings into utterances: at pauses, at fixed times, or where a file says.

It works on the records that come in, before windows and the journal, so that every segment is a
record like others. A recording is read block by block; the samples of a segment go with it to the
stages of this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emocli.errors import RecordError
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.segment import recordings
from emocli.stages.segment.recordings import Cutter
from emocli.stages.segment.sounds import Sounds
from emocli.stages.segment.ways import AUTO, NONE, Way
from emocli.stages.segment.ways import way as way

if TYPE_CHECKING:
    from emocli.stages.segment.turns import Turns


class Segmenter:
    """Cuts the recordings among the records of a command, whose name begins its messages."""

    def __init__(
        self, context: Context, command: str, way: Way, grow: Callable[[], object]
    ) -> None:
        self.cutter = Cutter(way, context.store, lambda text: context.say(command, text), grow)
        self.turns = _turns(way.file, self.cutter) if way.file else None
        self.sounds = Sounds()

    def cut(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, the segments of a recording in its place. `grow` is called before."""
        if self.cutter.way.kind == NONE and self.turns is None:
            yield from records
            return
        for record in records:
            yield from self._parts(record)
        if self.turns:
            self.turns.tell()

    def bring(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, segments with their samples: the first stage of the work."""
        return self.sounds.bring(records)

    def close(self) -> None:
        """Close what is open."""
        self.sounds.close()

    def _parts(self, record: Record) -> Iterator[Record]:
        way = self.cutter.way
        if not recordings.may_be_cut(record, by_itself=way.kind == AUTO and not self.turns):
            return iter([record])
        try:
            path = recordings.path_of(record, self.cutter.store)
            length = self._length(record, path)
            if self.turns:
                return self.turns.parts(record, path, length)
            if length is None or length > way.longest_s:
                from emocli.stages.segment.cutting import Recording  # numpy, soundfile

                return Recording(self.cutter, record, path, length).parts()
        except (RecordError, OSError):  # the stage says so, as of every file
            pass
        return iter([record])

    def _length(self, record: Record, path: str) -> float | None:
        """Return the seconds of a recording as far as they decide something; None if unknown."""
        known = recordings.known_length(record)
        if known is not None:
            return known
        from emocli.signals import sound_lengths

        if self.cutter.way.longest_s and sound_lengths.at_most(path, self.cutter.way.longest_s):
            return 0.0
        return sound_lengths.seconds(path)


def _turns(file: Path, cutter: Cutter) -> Turns:
    from emocli.stages.segment import turns

    return turns.read(file, cutter)
