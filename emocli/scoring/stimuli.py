"""The stimulus of every record that has one, as `score` keeps it."""

from __future__ import annotations

from array import array
from typing import Any

from emocli.records import Record


class Stimuli:
    """The stimulus and the speaker of the records that have a stimulus, as numbers.

    Stimuli of two datasets are never the same. Records without a speaker count as of one speaker:
    they do not vote for each other.
    """

    def __init__(self) -> None:
        self.place, self.stimulus, self.speaker = array("q"), array("q"), array("q")
        self._stimuli: dict[Any, int] = {}
        self._speakers: dict[Any, int] = {}

    def add(self, place: int, record: Record) -> None:
        """Keep the stimulus of a record, by its place in the input, if it has one."""
        if record.get("stimulus") is None:
            return
        stimulus = (str(record.get("dataset")), str(record["stimulus"]))
        speaker = None if record.get("speaker") is None else str(record["speaker"])
        self.place.append(place)
        self.stimulus.append(self._stimuli.setdefault(stimulus, len(self._stimuli)))
        self.speaker.append(self._speakers.setdefault(speaker, len(self._speakers)))
