"""The figures that pictures are made of, out of records that anyone may have written."""

from __future__ import annotations

import math
from typing import Any

from emocli.errors import RecordError
from emocli.records import Record, require

LARGEST = 2.0**53  # counts beyond are no integers in JSON, and ticks cannot be computed for them
MOST_BINS = 1000  # a pixel each on a page of the default width
MOST_LABELS = 100  # a page of the greatest width has cells of 100 pixels for them
BIN = ("low", "high", "accuracy", "confidence")


def number(value: Any, where: str, least: float, most: float) -> float:
    """Return a number between two bounds; RecordError naming the place and the value otherwise."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not least <= value <= most:
        bounds = f"{least:g} to {most:g}"
        message = f"{where} is not a number from {bounds}: {value!r:.60}"
        raise RecordError(f"bad_{where.partition('.')[0].partition('[')[0]}", message)
    return float(value)


def bins(row: Record) -> list[Record]:
    """Return the bins of a reliability diagram that have records; RecordError if there are none."""
    listed = require(row, "reliability", "score")
    if listed == []:
        message = "no prediction has probabilities"
        raise RecordError("no_probabilities", message, hint="emocli predict adds them")
    if not isinstance(listed, list):
        raise RecordError("bad_reliability", f"reliability is not a list: {listed!r:.60}")
    if len(listed) > MOST_BINS:
        raise RecordError("bad_reliability", f"{len(listed)} bins, more than {MOST_BINS}")
    known = [_bin(bin_, f"reliability[{place}]") for place, bin_ in enumerate(listed)]
    filled = [bin_ for bin_ in known if bin_["records"]]
    if not filled:
        raise RecordError("bad_reliability", "no bin has a record", hint="emocli predict")
    return filled


def _bin(value: Any, where: str) -> Record:
    if not isinstance(value, dict):
        raise RecordError("bad_reliability", f"{where} is not an object: {value!r:.60}")
    records = int(number(value.get("records"), f"{where}.records", 0, LARGEST))
    if not records:
        return {"records": 0}  # its accuracy is undefined
    found = {name: number(value.get(name), f"{where}.{name}", 0, 1) for name in BIN}
    if found["low"] >= found["high"]:
        raise RecordError("bad_reliability", f"{where}.high is not above low: {value!r:.60}")
    return {**found, "records": records}


def text(row: Record, name: str, shown: str) -> str:
    """Return a metric with its interval, or that it is undefined."""
    value, intervals = row.get(name), row.get("intervals")
    if not _is_known(value):
        return f"{shown} undefined"
    ends = intervals.get(name) if isinstance(intervals, dict) else None
    if not isinstance(ends, list) or len(ends) != 2 or not all(map(_is_known, ends)):
        return f"{shown} {value:.3f}"
    return f"{shown} {value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def _is_known(value: Any) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and abs(value) <= LARGEST and math.isfinite(value)
