"""Cut recordings where a file says: the turns of each recording, and what does not fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from emocli import records
from emocli.errors import MalformedError, RecordError
from emocli.records import Record, problems
from emocli.signals.sound_faults import TOLERANCE_S
from emocli.stages.segment import turn_files
from emocli.stages.segment.recordings import NAME, Cutter, Parts, place_of
from emocli.stages.segment.turn_files import Turn

OVERLAP_S = 0.005  # neighbours in files with hundredths of a second may seem to overlap by it


def read(file: Path, cutter: Cutter) -> Turns:
    """Return the turns in a file; UsageError or MalformedError if it cannot be read."""
    found = turn_files.read(file, cutter.say)
    if not found:
        raise MalformedError(f"{file}: no turn in it", hint="is it complete?")
    return Turns(file, found, cutter)


class _Remark(NamedTuple):
    """How often something was found that does not fit, and the first case."""

    times: int
    first: str


class Turns:
    """The turns of a file, by the recording that they name."""

    def __init__(self, file: Path, found: list[Turn], cutter: Cutter) -> None:
        self.file, self.cutter = file, cutter
        self.named: dict[str | None, list[Turn]] = {}
        for turn in found:
            self.named.setdefault(turn.recording, []).append(turn)
        self.used: set[str | None] = set()
        self.remarks: dict[str, _Remark] = {}

    def parts(self, record: Record, path: str, length_s: float | None) -> Iterator[Record]:
        """Yield a record of each turn of a recording, by its start; an error if there is none.

        Raises RecordError if the file of the recording cannot be read.
        """
        return self._parts(record, Parts(record, place_of(path)), length_s)

    def _parts(self, record: Record, made: Parts, length_s: float | None) -> Iterator[Record]:
        try:
            name = self._name(record)
        except RecordError as error:
            yield record | {"error": problems.described(NAME, error)}
            return
        self.used.add(name)
        self.cutter.grow()
        reached = 0.0
        for turn in sorted(self.named[name], key=lambda turn: turn.start):
            if turn.start < reached - OVERLAP_S:
                self._remark("turns that overlap the one before", turn)
            reached = max(reached, turn.end)
            end = self._end(turn, length_s)
            if end is None:
                yield made.named(turn.start, turn.end, turn.fields) | {"error": _beyond(length_s)}
            else:
                yield made.part(turn.start, end, turn.fields)

    def _end(self, turn: Turn, length_s: float | None) -> float | None:
        """Return where a turn ends in its recording; None if it begins after the recording."""
        if length_s is None or turn.end <= length_s + TOLERANCE_S:
            return turn.end
        if turn.start >= length_s:
            self._remark("turns that begin after the end of the recording", turn)
            return None
        self._remark("turns that end after the recording, and are cut there", turn)
        return round(length_s, 3)

    def tell(self) -> None:
        """Say what does not fit: each kind once, with its number and the first case."""
        unknown = [turns for name, turns in self.named.items() if name not in self.used]
        if unknown and unknown[0][0].recording is not None:
            count, first = sum(map(len, unknown)), unknown[0][0]
            text = f"turns of recordings that are not in the input ({len(unknown)} of them)"
            self.remarks[text] = _Remark(count, f"{first.recording}, {first.where}")
        for text, remark in self.remarks.items():
            self.cutter.say(f"{self.file}: {text}: {remark.times}; first: {remark.first}")

    def _remark(self, text: str, turn: Turn) -> None:
        count, first = self.remarks.get(
            text, (0, f"{turn.start:g} to {turn.end:g} s, {turn.where}")
        )
        self.remarks[text] = _Remark(count + 1, first)

    def _name(self, record: Record) -> str | None:
        """Return the name under which a recording has its turns; RecordError if it has none."""
        if None in self.named:
            if self.used:
                message = f"{self.file} is of one recording, and this is another"
                raise RecordError("no_segments", message, hint="one recording at a time")
            return None
        path = records.path_of(record)
        names = [os.path.realpath(path), path, str(record.get("id")), PurePath(path).name]
        for name in (*names, PurePath(path).stem):
            if name in self.named:
                return name
        alike = [n for n in self.named if n and PurePath(n).stem == PurePath(path).stem]
        if len(alike) == 1:
            return alike[0]
        first = next(iter(self.named))
        message = f"no turn in {self.file} is of this recording"
        raise RecordError("no_segments", message, hint=f"the file names {first}, for one")


def _beyond(length_s: float | None) -> problems.Failure:
    message = f"the turn begins after the end of the recording at {length_s:.2f} s"
    error = RecordError("no_such_span", message, hint="is the file of another recording?")
    return problems.described(NAME, error)
