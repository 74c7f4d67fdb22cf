"""Cut recordings into utterances: at pauses, at fixed times, or where a file says.

It works on the records that come in, before windows and the journal, so that every segment is a
record like others. A recording is read block by block; the samples of a segment go with it to the
stages of this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emocli import records
from emocli.errors import RecordError
from emocli.pipeline.context import Context
from emocli.records import Record, problems
from emocli.records.modality import in_file
from emocli.stages.segment import eeg, recordings
from emocli.stages.segment.recordings import NAME, Cutter
from emocli.stages.segment.sounds import Sounds
from emocli.stages.segment.ways import ANNOTATIONS, AUTO, EVENTS, NONE, WINDOWS, Way
from emocli.stages.segment.ways import way as way

if TYPE_CHECKING:
    from emocli.stages.segment.turns import Turns

NO_SEGMENTS = "no_segments"  # nothing says where to cut


class Segmenter:
    """Cuts the recordings among the records of a command, whose name begins its messages."""

    def __init__(
        self, context: Context, command: str, way: Way, grow: Callable[[], object]
    ) -> None:
        self.cutter = Cutter(way, context.store, lambda text: context.say(command, text), grow)
        self.turns = _turns(way.file, self.cutter) if way.file else None
        self.sounds = Sounds()

    def cut(self, incoming: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, the segments of a recording in its place. `grow` is called before."""
        if self.cutter.way.kind == NONE and self.turns is None:
            yield from incoming
            return
        for record in incoming:
            yield from self._parts(record)
        if self.turns:
            self.turns.tell()

    def bring(self, incoming: Iterator[Record]) -> Iterator[Record]:
        """Yield the records, segments with their samples: the first stage of the work."""
        return self.sounds.bring(incoming)

    def close(self) -> None:
        """Close what is open."""
        self.sounds.close()

    def _parts(self, record: Record) -> Iterator[Record]:
        if in_file(record, "eeg"):
            return self._parts_of_eeg(record)
        way = self.cutter.way
        if way.kind in (WINDOWS, EVENTS, ANNOTATIONS):
            return iter([record])
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

    def _parts_of_eeg(self, record: Record) -> Iterator[Record]:
        by_itself = self.cutter.way.kind == AUTO and not self.turns
        if not eeg.may_be_cut(record, by_itself=by_itself):
            return iter([record])
        try:
            if self.turns:
                return self.turns.parts(record, records.path_of(record), eeg.length(record))
            return eeg.parts(self.cutter, record)
        except RecordError as error:
            if error.code == NO_SEGMENTS:
                return iter([record | {"error": problems.described(NAME, error)}])
        except OSError:
            pass
        return iter([record])  # the stage says why it cannot be read

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
