"""The label distribution of a record, and its class."""

from __future__ import annotations

import math

from emocli.errors import RecordError
from emocli.records import Record, label_reading
from emocli.records.labels import ordered

Shares = dict[str, float]

FIELDS = ("distribution", "votes")


def shares(record: Record) -> Shares:
    """Return the shares of a record's labels, adding to one.

    From label.distribution, else label.votes, else label.emotion as one label with share 1. Raises
    RecordError no_label without any of these, bad_label for a value that is not a share.
    """
    label = label_reading.label(record)
    weights: dict[str, float] = {}
    field = next((n for n in FIELDS if (weights := label_reading.numbers(label, n, "label"))), None)
    if field is None:
        emotion = label_reading.emotion(label, "label")
        if not emotion:
            hint = "label.distribution, label.votes or label.emotion"
            raise RecordError("no_label", "no label to mix", hint=hint)
        return {emotion: 1.0}
    if min(weights.values()) < 0:
        raise RecordError("bad_label", f"label.{field} has a negative share: {weights!r:.80}")
    total = math.fsum(weights.values())
    if not total:
        raise RecordError("bad_label", f"label.{field} adds to zero: {weights!r:.80}")
    return {name: weights[name] / total for name in ordered(weights)}


def likeliest(distribution: Shares) -> str:
    """Return the label with the greatest share, the first in order if tied.

    >>> likeliest({"sadness": 0.4, "anger": 0.4, "fear": 0.2})
    'sadness'
    """
    return max(ordered(distribution), key=distribution.__getitem__)
