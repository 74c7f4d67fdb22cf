"""Sort the annotations of a recording of EEG: events, spans marked as bad, places of a cut.

mne leaves out what an annotation that begins with "bad" covers. "BAD boundary" and "EDGE boundary"
of mne, and "boundary" of EEGLAB, say that samples on either side were not recorded one after the
other. Neither is an event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BAD = "bad"  # begins the text of an annotation, in any case
CUTS = ("boundary", "bad boundary", "edge boundary")
SHOWN = 5  # cuts in a message


@dataclass(frozen=True)
class Mark:
    """An event or annotation: seconds from the start, seconds (0 for a moment), its text."""

    start: float
    duration: float
    text: str


@dataclass(frozen=True)
class Marks:
    """The annotations of a recording, by what they mean; all in seconds from the start."""

    events: tuple[Mark, ...]
    bad_spans: tuple[tuple[float, float], ...]  # from, to
    gaps: tuple[float, ...]  # where samples do not follow those before them


def sorted_out(marks: Iterable[Mark], duration: float) -> Marks:
    """Return what the annotations of a recording of this many seconds mean.

    What lasts no time marks nothing as bad; a cut at the very start or end cuts nothing.
    """
    events, bad, gaps = [], [], set()
    for mark in marks:
        text = mark.text.strip().casefold()
        if text in CUTS:
            gaps |= {round(mark.start, 6)} if 0 < mark.start < duration else set()
        elif not text.startswith(BAD):
            events.append(mark)
        if text.startswith(BAD):
            start, end = max(0.0, mark.start), min(duration, mark.start + mark.duration)
            bad += [(start, end)] if end > start else []
    return Marks(tuple(events), tuple(sorted(bad)), tuple(sorted(gaps)))


def told(gaps: tuple[float, ...]) -> str:
    """Return the sentence about cuts.

    >>> told((3.0, 8.25))
    'the recording was cut at 3, 8.25 s: samples there do not follow each other'
    """
    first = ", ".join(f"{at:.10g}" for at in gaps[:SHOWN])
    more = f" and at {len(gaps) - SHOWN} more places" if len(gaps) > SHOWN else ""
    return f"the recording was cut at {first} s{more}: samples there do not follow each other"
