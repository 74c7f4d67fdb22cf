"""The heads of a model, which share the columns of its logits in order.

A bundle's config.json lists them under `heads`; one without that list has a single head of classes
over its `labels`. At most one head has labels, and it comes first; the others are regression heads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CLASSES = "classes"  # one label per record: label.emotion
SHARES = "shares"  # a distribution over the labels: label.distribution, or label.votes
BLEND = "blend"  # shares that are decoded to one emotion or a blend of two: label.blend
NUMBER = "number"  # label.valence, arousal, dominance or sentiment
KINDS = {
    "emotion": CLASSES,
    "distribution": SHARES,
    "blend": BLEND,
    "valence": NUMBER,
    "arousal": NUMBER,
    "dominance": NUMBER,
    "sentiment": NUMBER,
}


@dataclass(frozen=True)
class Head:
    """One head. The output of a regression head is in units of `scale` around `mean`."""

    target: str  # a key of KINDS: the field of the label that it predicts
    kind: str
    labels: tuple[str, ...] = ()
    mean: float = 0.0
    scale: float = 1.0

    @property
    def size(self) -> int:
        """The number of its columns in the logits."""
        return len(self.labels) or 1


FIELDS = [field.name for field in dataclasses.fields(Head)]


def of(contents: Mapping[str, Any]) -> list[Head]:
    """Return the heads listed in a bundle's config."""
    listed = contents.get("heads")
    if listed is None:
        return [Head("emotion", CLASSES, tuple(contents["labels"]))]
    given = [{k: v for k, v in head.items() if k in FIELDS and v is not None} for head in listed]
    return [Head(**{**head, "labels": tuple(head.get("labels", ()))}) for head in given]


def split(heads: Sequence[Head], values: Any) -> dict[str, Any]:
    """Return each head's columns of an array (records, columns): (records, size) by target."""
    columns, start = {}, 0
    for head in heads:
        columns[head.target] = values[:, start : start + head.size]
        start += head.size
    return columns
