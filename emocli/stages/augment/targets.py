"""What people said of a record, as shares of labels, and which of them is its class."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from emocli.errors import RecordError
from emocli.records import Record, labels

Shares = dict[str, float]

FIELDS = ("distribution", "votes", "emotion")


def shares(record: Record) -> Shares:
    """Return what the label of a record says, adding to one.

    That is label.distribution, else label.votes, else all of label.emotion. RecordError no_label
    or bad_label where there is none of them, or what is no share.
    """
    label = record.get("label")
    if not isinstance(label, dict):
        label = {}
    field = next((name for name in FIELDS if label.get(name)), None)
    if field is None:
        hint = "label.distribution, label.votes or label.emotion"
        raise RecordError("no_label", "no label to mix", hint=hint)
    given = label[field]
    if field == "emotion":
        given = {given: 1.0} if isinstance(given, str) else given
    if not isinstance(given, dict) or not all(map(_is_share, given.values())):
        raise RecordError("bad_label", f"label.{field} is not shares of labels: {given!r:.80}")
    total = math.fsum(given.values())
    if not total:
        raise RecordError("bad_label", f"label.{field} adds to zero: {given!r:.80}")
    return {name: given[name] / total for name in ordered(given)}


def _is_share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def ordered(names: Iterable[str]) -> list[str]:
    """Return labels in the project's order, others behind them by name."""
    found = set(names)
    known = [name for name in labels.EMOTIONS if name in found]
    return known + sorted(found - set(known))


def likeliest(found: Shares) -> str:
    """Return the label with the greatest share, the first of them where tied.

    >>> likeliest({"sadness": 0.4, "anger": 0.4, "fear": 0.2})
    'sadness'
    """
    return max(ordered(found), key=found.__getitem__)
