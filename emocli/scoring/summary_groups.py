"""The groups of `summarize --by`: fields, what is derived of times, and pairs of these."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.errors import UsageError
from emocli.records import Record, spans
from emocli.scoring.columns import Columns, field
from emocli.scoring.groups import MODALITIES, Keys, modalities

MINUTE_S, HOUR_S = 60.0, 3600.0
BIN = "bin:"
LEAST_S = 0.001  # the shortest bin: times in records have milliseconds
ORDERED = (int, float)  # the types of values that are in the order of their size

Names = tuple[str, ...]  # of the fields whose values form the groups of a table together
Indices = NDArray[np.int64]


def tables(by: str | None) -> list[Names]:
    """Return the fields of each table of "a,b+c"; one without fields where nothing is asked for.

    >>> tables("speaker,speaker+minute")
    [('speaker',), ('speaker', 'minute')]
    """
    if by is None:
        return [()]
    listed = [tuple(name.strip() for name in part.split("+")) for part in by.split(",")]
    repeated = any(len(set(names)) < len(names) for names in listed)
    if repeated or any("" in names for names in listed) or len(set(listed)) < len(listed):
        hint = "such as --by speaker,minute; speaker+minute is each speaker in each minute"
        raise UsageError(f"--by {by}: names of fields, each once, with commas or +", hint=hint)
    return listed


def keys(listed: list[Names]) -> Keys:
    """Return what gives the value of each name."""
    return {name: _key(name) for names in listed for name in names}


def _key(name: str) -> Callable[[Record], Any]:
    known: Keys = {
        "minute": partial(_counted, seconds=MINUTE_S),
        "hour": partial(_counted, seconds=HOUR_S),
        "recording": spans.recording,
        MODALITIES: modalities,
    }
    if name in known:
        return known[name]
    if name.startswith(BIN):
        return partial(_binned, seconds=bin_seconds(name))
    return lambda record: field(record, name)


def bin_seconds(name: str) -> float:
    """Return the seconds of "bin:30"; UsageError if it is no number of seconds."""
    try:
        seconds = float(name.removeprefix(BIN))
    except ValueError:
        seconds = math.nan
    if not LEAST_S <= seconds <= spans.LONGEST_S:
        raise UsageError(f"--by {name}: not a number of seconds", hint="such as --by bin:30")
    return seconds


def _counted(record: Record, seconds: float) -> int | None:
    """Return the minute or hour in which a record starts, counted from 0."""
    start = spans.moment(record)
    return None if start is None else math.floor(start / seconds)


def _binned(record: Record, seconds: float) -> float | None:
    """Return where the bin begins in which a record starts, in seconds of its recording."""
    start = spans.moment(record)
    return None if start is None else round(math.floor(start / seconds) * seconds, 3)


def members(columns: Columns, names: Names) -> Iterator[tuple[dict[str, Any], Indices]]:
    """Yield the groups of a table, in order: the value of each field, and the places of records.

    Numbers come in the order of their size, other values as they came first, null last.
    """
    if not names:
        yield {}, np.arange(len(columns.ids))
        return
    listed = [_in_order(columns, name) for name in names]
    together = np.zeros(len(columns.ids), np.int64)
    for values, ranks in listed:
        together = together * len(values) + ranks
    order = np.argsort(together, kind="stable")
    firsts = np.flatnonzero(np.diff(together[order], prepend=-1))
    for places in np.split(order, firsts[1:]) if len(order) else ():
        first = int(places[0])
        yield (
            {
                name: values[ranks[first]]
                for name, (values, ranks) in zip(names, listed, strict=True)
            },
            places,
        )


def _in_order(columns: Columns, name: str) -> tuple[list[Any], Indices]:
    """Return the values of a field in order, and the place of each record's value among them."""
    found = list(columns.groups[name])
    order = sorted(range(len(found)), key=lambda i: _rank(found[i], i))
    rank = np.argsort(np.array(order, np.int64), kind="stable")
    return [found[i] for i in order], rank[np.asarray(columns.group[name])]


def _rank(value: Any, place: int) -> tuple[int, float]:
    if value is None:
        return 2, 0
    return (0, value) if type(value) in ORDERED else (1, place)
