"""Cut recordings of EEG: at fixed times, at windows, events or annotations; never at pauses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emocli import records
from emocli.errors import RecordError
from emocli.modalities import eeg_recording
from emocli.modalities.audio import span_of
from emocli.records import Record
from emocli.signals.eeg_preparation import OVERLAP_S, WINDOW_S
from emocli.stages.segment.recordings import OF_ALL, OF_UTTERANCES, Cutter, Parts, place_of
from emocli.stages.segment.ways import (
    ANNOTATIONS,
    AUTO,
    EVENTS,
    FIXED,
    LONG_S,
    SHORTEST_S,
    WINDOWS,
)

if TYPE_CHECKING:
    from emocli.signals.eeg_files import Recording

AUTO_S = 10.0  # of a segment, where nobody says: four windows; our choice
ORIGINS = {EVENTS: "events", ANNOTATIONS: "annotations that last"}
ORIGIN = {EVENTS: "event", ANNOTATIONS: "annotation that lasts"}

Span = tuple[float, float, str]  # start, end, text


def may_be_cut(record: Record, *, by_itself: bool) -> bool:
    """Say whether a record is EEG given as a path, and nothing else; by itself only a whole."""
    if record.get("error") or not record.get("path") or record.get("eeg"):
        return False
    others = (*OF_ALL, *OF_UTTERANCES) if by_itself else (*OF_ALL, "start", "end")
    return all(record.get(name) in (None, {}, []) for name in others)


def length(record: Record) -> float:
    """Return the seconds of a recording; RecordError if it cannot be read."""
    start, end = span_of(record)
    seconds = eeg_recording.opened(record).duration
    return seconds if end is None else min(seconds, end) - (start or 0.0)


def parts(cutter: Cutter, record: Record) -> Iterator[Record]:
    """Yield the segments of a recording, or the recording where nothing says where to cut.

    Raises RecordError if the recording cannot be read.
    """
    way, seconds = cutter.way, eeg_recording.opened(record).duration
    if way.kind == AUTO and seconds <= LONG_S:
        return iter([record])
    if way.kind in (EVENTS, ANNOTATIONS):
        spans = _marked(cutter, record, way.kind)
    elif way.kind == WINDOWS:
        spans = _every(seconds, WINDOW_S, WINDOW_S - OVERLAP_S)
    elif way.kind in (AUTO, FIXED):
        size = way.seconds if way.kind == FIXED else AUTO_S
        spans = _every(seconds, size, size)
    else:  # there are no pauses to cut at
        return iter([record])
    if not spans:
        raise RecordError(
            "no_segments",
            f"no {ORIGINS.get(way.kind, way.kind)} in the recording",
            hint=_hint(record, way.kind),
        )
    return _cut(cutter, record, spans)


def _cut(cutter: Cutter, record: Record, spans: list[Span]) -> Iterator[Record]:
    made = Parts(record, place_of(records.path_of(record)))
    cutter.grow()
    for start, end, text in spans:
        yield made.part(start, end, {"event": text} if text else None)


def _hint(record: Record, kind: str) -> str:
    """Return what to do about a recording without what it should be cut at."""
    every = f"--segment {AUTO_S:g} cuts it every {AUTO_S:g} s"
    recording = eeg_recording.opened(record)
    if other := {EVENTS: ANNOTATIONS, ANNOTATIONS: EVENTS}.get(kind):
        found = _spans(recording, other)
        if found:
            what = f"{len(found)} {ORIGINS[other] if len(found) > 1 else ORIGIN[other]}"
            return f"it has {what}: --segment {other}; {every}"
    return every


def _every(seconds: float, size: float, step: float) -> list[Span]:
    """Return spans of a size; of those side by side the last reaches to the end.

    What is left is a span of its own if it is a window at least, else a part of the last one.
    """
    count = max(1, int((seconds - size) / step + 1e-9) + 1)
    starts = [n * step for n in range(count)]
    ends = [min(start + size, seconds) for start in starts]
    if step == size and seconds - ends[-1] >= WINDOW_S:
        starts, ends = [*starts, ends[-1]], [*ends, seconds]
    elif step == size:
        ends[-1] = seconds
    return [(round(a, 3), round(b, 3), "") for a, b in zip(starts, ends, strict=True)]


def _marked(cutter: Cutter, record: Record, kind: str) -> list[Span]:
    """Return the spans at annotations or events; those too short to be one are told."""
    found = _spans(eeg_recording.opened(record), kind)
    spans = [span for span in found if span[1] - span[0] >= SHORTEST_S]
    if short := len(found) - len(spans):
        what = f"{short} {ORIGINS[kind] if short > 1 else ORIGIN[kind]}"
        tail = f"less than {SHORTEST_S:g} s before the next or the end: left out"
        cutter.say(f"{records.name_of(record)}: {what} {tail}")
    return spans


def _spans(recording: Recording, kind: str) -> list[Span]:
    """Return the annotations that last, or the events, each of which ends where the next begins."""
    from emocli.signals import eeg_files

    last = recording.duration
    if kind == ANNOTATIONS:
        lasting = [m for m in recording.marks if m.duration >= eeg_files.LASTING_S]
        ordered = sorted(lasting, key=lambda mark: mark.start)
        return [_span(m.start, min(last, m.start + m.duration), m.text) for m in ordered]
    moments = sorted(eeg_files.events(recording), key=lambda mark: mark.start)
    ends = [*(mark.start for mark in moments), last][1:]
    return [_span(m.start, end, m.text) for m, end in zip(moments, ends, strict=False)]


def _span(start: float, end: float, text: str) -> Span:
    return round(max(0.0, start), 3), round(end, 3), text
