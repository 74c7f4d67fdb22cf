"""A recording as Praat's TextGrid: its words, and its speech sounds where records have them."""

from __future__ import annotations

from typing import Any

from emocli.records import Record
from emocli.records.times import duration, seconds
from emocli.signals.textgrid import Interval, Tier, dumps

LEAST_S = 0.001  # the length of a TextGrid of nothing


class TextGrid:
    """The format of the records of one recording: the tiers words and, if there are any, phones.

    Records of another recording are left out.
    """

    name, apart, one_recording = "textgrid", False, True

    def __init__(self) -> None:
        self.words: list[Interval] = []
        self.phones: list[Interval] = []
        self.end = 0.0
        self.paths: list[Any] = []

    def header(self) -> bytes:
        """Return nothing."""
        return b""

    def row(self, record: Record) -> bytes:
        """Keep the words of a record, and return nothing."""
        self.paths = self.paths or [record.get("path")]
        if record.get("error") or record.get("path") != self.paths[0]:
            return b""
        words, phones = _intervals(record, "words", "text"), _intervals(record, "phones", "phone")
        whole = (seconds(record.get("start")) or 0.0) + (duration(record) or 0.0)
        self.end = max([LEAST_S, self.end, whole, *(part.end for part in (*words, *phones))])
        self.words += words
        self.phones += phones
        return b""

    def footer(self) -> bytes:
        """Return the TextGrid, from the start of the recording; nothing if every record failed."""
        if not self.end:
            return b""
        tiers = [Tier("words", self.words)]
        if self.phones:
            tiers.append(Tier("phones", self.phones))
        return dumps(tiers, 0.0, self.end).encode("utf-8", "replace")


def _intervals(record: Record, field: str, label: str) -> list[Interval]:
    """Return the parts of a field that have times and a label."""
    parts = record.get(field)
    found = []
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get(label):
            start, end = seconds(part.get("start")), seconds(part.get("end"))
            if start is not None and end is not None and start <= end:
                found.append(Interval(start, end, str(part[label]).strip()))
    return found
