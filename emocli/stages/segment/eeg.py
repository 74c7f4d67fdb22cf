"""Cut recordings of EEG: at fixed times, at windows, events or annotations; never at pauses."""

from __future__ import annotations

from collections.abc import Iterator

from emocli import records
from emocli.errors import RecordError
from emocli.modalities import eeg_recording
from emocli.modalities.audio import span_of
from emocli.records import Record
from emocli.stages.segment.recordings import OF_ALL, OF_UTTERANCES, Cutter, Parts, place_of
from emocli.stages.segment.ways import ANNOTATIONS, AUTO, EVENTS, FIXED, LONG_S, WINDOWS

AUTO_S = 10.0  # of a segment, where nobody says: four windows; our choice
WINDOW_S, STEP_S = 4.0, 2.0  # the windows of `signals.eeg_windows`
ORIGINS = {EVENTS: "events", ANNOTATIONS: "annotations that last"}

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
        spans = _marked(record, way.kind)
    elif way.kind == WINDOWS:
        spans = _every(seconds, WINDOW_S, STEP_S)
    elif way.kind in (AUTO, FIXED):
        size = way.seconds if way.kind == FIXED else AUTO_S
        spans = _every(seconds, size, size)
    else:  # there are no pauses to cut at
        return iter([record])
    if not spans:
        raise RecordError(
            "no_segments",
            f"no {ORIGINS.get(way.kind, way.kind)} in the recording",
            hint=f"--segment {AUTO_S:g} cuts it every {AUTO_S:g} s",
        )
    return _cut(cutter, record, spans)


def _cut(cutter: Cutter, record: Record, spans: list[Span]) -> Iterator[Record]:
    made = Parts(record, place_of(records.path_of(record)))
    cutter.grow()
    for start, end, text in spans:
        yield made.part(start, end, {"event": text} if text else None)


def _every(seconds: float, size: float, step: float) -> list[Span]:
    """Return spans of a size; what is left at the end is a window at least, or of the last one."""
    count = max(1, int((seconds - size) / step + 1e-9) + 1)
    spans = [
        (round(n * step, 3), round(min(n * step + size, seconds), 3), "") for n in range(count)
    ]
    rest = count * step
    if step == size and seconds - rest >= WINDOW_S:
        spans.append((round(rest, 3), round(seconds, 3), ""))
    return spans


def _marked(record: Record, kind: str) -> list[Span]:
    """Return the annotations that last, or the events, each of which ends where the next begins."""
    recording = eeg_recording.opened(record)
    marks = sorted(recording.marks, key=lambda mark: mark.start)
    if kind == ANNOTATIONS:
        return [_span(m.start, m.start + m.duration, m.text) for m in marks if m.duration > 0]
    moments = [mark for mark in marks if mark.duration == 0]
    ends = [mark.start for mark in moments[1:]] + [recording.duration]
    found = [_span(m.start, end, m.text) for m, end in zip(moments, ends, strict=True)]
    return [span for span in found if span[1] > span[0]]


def _span(start: float, end: float, text: str) -> Span:
    return round(max(0.0, start), 3), round(end, 3), text
