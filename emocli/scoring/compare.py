"""Paired comparison of two files of predictions for the same records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emocli.errors import UsageError
from emocli.io import ids
from emocli.records import Record
from emocli.scoring.figures import number
from emocli.scoring.options import ScoreOptions
from emocli.scoring.samples import Mask, Sample, Table, evaluate, interval, nested

UNDEFINED = {
    **dict.fromkeys(("value", "other", "difference")),
    "interval": [None, None],
    "p": None,
}


def compared(table: Table, other: Table, masks: list[Mask], options: ScoreOptions) -> Record:
    """Return for every figure the value of each file, the difference, its interval and p-value.

    Over the records that are scored in both files; where there are none, all figures are null. The
    same clusters are drawn for both.
    """
    place = aligned(table, other)
    both = (table.row >= 0) & (other.row[place] >= 0)
    if not any((inside & both).any() for inside in masks):
        names = evaluate([table.sample(inside) for inside in masks], options)[0]
        return {"file": str(options.compare), "records": 0} | nested(
            dict.fromkeys(names, UNDEFINED)
        )
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for inside in masks:
        at = np.flatnonzero(inside & both)
        _same_truth(table, other, at, place)
        clusters = np.asarray(table.columns.clustered)[at]
        ours.append((table.frame.part(table.row[at]), clusters))
        theirs.append((other.frame.part(other.row[place[at]]), clusters))
    (points, draws), (peers, peer_draws) = evaluate(ours, options), evaluate(theirs, options)
    differences = {}
    for name, value in points.items():
        gap = draws[name] - peer_draws[name] if draws else None
        differences[name] = {
            "value": number(float(value)),
            "other": number(float(peers[name])),
            "difference": number(float(value - peers[name])),
            "interval": interval(gap),
            "p": p_value(gap),
        }
    count = sum(len(clusters) for _, clusters in ours)
    return {"file": str(options.compare), "records": count} | nested(differences)


def p_value(gaps: NDArray[np.float64] | None) -> float | None:
    """Return the two-sided p-value: the least level whose interval excludes a difference of zero.

    Twice the smaller share of resamples on either side of zero, with one added to each count, at
    most 1 (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 4.2).
    """
    gaps = gaps[~np.isnan(gaps)] if gaps is not None else np.empty(0)
    if not len(gaps):
        return None
    tail = min((gaps <= 0).sum(), (gaps >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(gaps) + 1)))


def aligned(table: Table, other: Table) -> NDArray[np.int64]:
    """Return the place of each record in the other file; UsageError if ids differ."""
    names = [ids.exact(name) for name in table.columns.ids]
    place = {ids.exact(name): i for i, name in enumerate(other.columns.ids)}
    ours = set(names)
    missing, more = len(ours - place.keys()), len(place.keys() - ours)
    if missing or more or ids.exact(None) in place:
        raise UsageError(
            f"--compare: ids differ: it lacks {missing} of {len(ours)}, and has {more} others"
            if missing or more
            else "--compare: records without an id cannot be compared",
            hint="both files must be predictions for the same records",
        )
    return np.array([place[name] for name in names], np.int64)


def _same_truth(
    table: Table, other: Table, at: NDArray[np.int64], place: NDArray[np.int64]
) -> None:
    truths = table.frame.truths
    if truths is None:
        return
    ours, theirs = truths[table.row[at]], truths[other.row[place[at]]]
    same = np.isclose(ours, theirs, rtol=0, atol=1e-9, equal_nan=True).reshape(len(at), -1).all(1)
    if not same.all():
        first = table.columns.name(int(at[int(same.argmin())]))
        raise UsageError(
            f"--compare: labels differ in {int((~same).sum())} records, the first is {first}"
        )
