"""Which frames of a film are wanted: spread evenly, at a rate, at given times, or in the middle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emocli.errors import RecordError
from emocli.signals.sound_faults import TOLERANCE_S
from emocli.signals.video_film import SLACK_S, Film

MOST = 2**20  # frames that are wanted at once, and frames a second. Our choice.


@dataclass(frozen=True)
class Uniform:
    """Frames in the middle of so many equal parts of the span."""

    count: int


@dataclass(frozen=True)
class Rate:
    """So many frames a second, the first at the start of the span."""

    hz: float


@dataclass(frozen=True)
class Times:
    """The frames at these times in seconds from the start of the film, one for each, in order."""

    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Middle:
    """One frame, in the middle of the span: the key frame of encoders that take one."""


Wanted = Uniform | Rate | Times | Middle


def chosen(wanted: Wanted, film: Film, start: float | None, end: float | None) -> list[int]:
    """Return the numbers of the frames that are wanted, in order.

    The span is cut to the picture: where the sound is longer, there is nothing to see. Of `Uniform`
    and `Rate` each frame comes once, even if it is on screen at several of the times. Raises
    RecordError no_such_span for a span after the picture, and bad_span or bad_wanted.
    """
    check(wanted, start, end)
    if isinstance(wanted, Times):
        return film.at(wanted.seconds)
    first, last = span(film, start, end)
    if isinstance(wanted, Rate):
        times = first + np.arange(_ticks(last - first, wanted.hz)) / wanted.hz
    else:
        count = wanted.count if isinstance(wanted, Uniform) else 1
        times = first + (np.arange(count) + 0.5) * (last - first) / count
    return list(dict.fromkeys(film.at(times.tolist())))


def _ticks(length_s: float, hz: float) -> int:
    """Return how many frames at a rate a length has; one at least."""
    return min(max(1, math.ceil((length_s - SLACK_S) * hz)), MOST)


def span(film: Film, start: float | None, end: float | None) -> tuple[float, float]:
    """Return the part of a span in which there is a picture; RecordError where there is none."""
    first = max(start or 0.0, float(film.seconds[0]))
    last = film.end_s if end is None else min(end, film.end_s)
    if film.still:
        return first, first
    if (start or 0.0) >= film.end_s - SLACK_S:
        raise RecordError("no_such_span", f"no picture from {start or 0:g} s on")
    return first, max(first, last)


def short(film: Film, end: float | None) -> str | None:
    """Return a warning if the picture ends clearly before the wanted span does."""
    if end is None or film.still or film.end_s >= end - TOLERANCE_S:
        return None
    return f"the span ends at {end:.2f} s, the picture at {film.end_s:.2f} s"


def check(wanted: Wanted, start: float | None, end: float | None) -> None:
    """Raise RecordError for a span or a wish that makes no sense."""
    first, last = 0.0 if start is None else start, math.inf if end is None else end
    if not (0 <= first < last and math.isfinite(first)):
        raise RecordError("bad_span", f"invalid span of a recording: from {start} to {end} s")
    if isinstance(wanted, Uniform) and not 1 <= wanted.count <= MOST:
        raise RecordError("bad_wanted", f"{wanted.count} frames: 1 to {MOST} can be taken")
    if isinstance(wanted, Rate) and not 0 < wanted.hz <= MOST:
        message = f"{wanted.hz:g} frames a second: more than 0 and at most {MOST} can be taken"
        raise RecordError("bad_wanted", message)
    if isinstance(wanted, Times):
        _check_times(wanted.seconds)


def _check_times(seconds: Sequence[float]) -> None:
    if not seconds:
        raise RecordError("bad_wanted", "no times")
    for at in seconds:
        if not 0 <= at < math.inf:
            raise RecordError("bad_wanted", f"no frame at {at} s: times count from the start, 0 s")
