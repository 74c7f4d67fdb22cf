"""The label distribution of a record, and its class."""

from __future__ import annotations

import math
from typing import Any

from emocli.errors import RecordError
from emocli.records import Record
from emocli.records.labels import ordered

Shares = dict[str, float]

FIELDS = ("distribution", "votes", "emotion")


def shares(record: Record) -> Shares:
    """Return the shares of a record's labels, adding to one.

    From label.distribution, else label.votes, else label.emotion as one label with share 1. Raises
    RecordError no_label without any of these, bad_label for a value that is not a share.
    """
    label = record.get("label")
    if not isinstance(label, dict):
        label = {}
    field = next((name for name in FIELDS if label.get(name)), None)
    if field is None:
        hint = "label.distribution, label.votes or label.emotion"
        raise RecordError("no_label", "no label to mix", hint=hint)
    weights = label[field]
    if field == "emotion":
        weights = {weights: 1.0} if isinstance(weights, str) else weights
    if not isinstance(weights, dict) or not all(map(_is_share, weights.values())):
        raise RecordError("bad_label", f"label.{field} is not shares of labels: {weights!r:.80}")
    total = math.fsum(weights.values())
    if not total:
        raise RecordError("bad_label", f"label.{field} adds to zero: {weights!r:.80}")
    return {name: weights[name] / total for name in ordered(weights)}


def _is_share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def likeliest(distribution: Shares) -> str:
    """Return the label with the greatest share, the first in order if tied.

    >>> likeliest({"sadness": 0.4, "anger": 0.4, "fear": 0.2})
    'sadness'
    """
    return max(ordered(distribution), key=distribution.__getitem__)
