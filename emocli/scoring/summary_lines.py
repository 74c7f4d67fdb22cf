"""The rows of `summarize` as lines: one for each emotion, and each number, of each group."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from emocli.records import Record

NOBODY = "(none)"  # the group of those without a value, in words
FIGURES = (
    "count", "share", "share_low", "share_high", "mean", "mean_low", "mean_high",
)  # fmt: skip
UNDEFINED = (None, None)


def lines(found: Record) -> Iterator[Record]:
    """Yield the lines of a row: `name`, and FIGURES of it, None where there is none.

    The mean of an emotion is that of its probabilities; a number such as valence has no share.
    """
    intervals, shares = found["intervals"], found.get("shares", {})
    means, edges = found.get("probabilities", {}), intervals.get("probabilities", {})
    for name, count in found["counts"].items():
        pair = intervals.get("shares", {}).get(name, UNDEFINED)
        values = (count, shares.get(name), *pair, means.get(name), *edges.get(name, UNDEFINED))
        yield {"name": name, **dict(zip(FIGURES, values, strict=True))}
    for name, count in found.get("rated", {}).items():
        values = (count, None, *UNDEFINED, found[name], *intervals[name])
        yield {"name": name, **dict(zip(FIGURES, values, strict=True))}


def fields(rows: Sequence[Record]) -> list[str]:
    """Return the fields that any of the rows is a group of."""
    return list(dict.fromkeys(name for found in rows for name in found.get("by", {})))


def group(found: Record, name: str) -> Any:
    """Return the value of a field of a group: "(none)" for null, "" where it is of no group."""
    by = found.get("by", {})
    if name not in by:
        return ""
    return NOBODY if by[name] is None else by[name]


def text(rows: Sequence[Record]) -> str:
    """Return the rows as CSV (RFC 4180, with LF), with a header; undefined figures are empty."""
    by, timed = fields(rows), any("seconds" in found for found in rows)
    last = ["utterances", *(["seconds"] if timed else []), "clusters"]
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow([*by, "name", *FIGURES, *last])
    for found in rows:
        groups = [group(found, name) for name in by]
        counts = {**found, "utterances": found["summarized"]}
        for line in lines(found):
            figures = (line[name] for name in ("name", *FIGURES))
            writer.writerow([*groups, *figures, *(counts[name] for name in last)])
    return page.getvalue()
