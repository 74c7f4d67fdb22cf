"""Merge the votes of people and of annotators in `label`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from emocli import pipeline
from emocli.errors import RecordError
from emocli.records import Record, label_reading

Votes = dict[str, int]

RULES = ("count", "shrinkage", "none")
HELD_OUT = ("test", "dev", "val", "valid", "validation", "eval")  # splits kept for evaluation


def with_weight(rule: str, weight: float) -> pipeline.Stage:
    """Return the stage that merges each record by itself."""
    return pipeline.each(lambda record: merge(record, rule, weight), name="annotate")


def shrinkage(say: Callable[[str], None]) -> pipeline.Stage:
    """Return the stage that reads all records, chooses the weight on them, then merges."""

    def run(records: Iterator[Record]) -> Iterator[Record]:
        kept = list(records)
        weight = _chosen(kept, say)
        yield from with_weight("shrinkage", weight)(iter(kept))

    return run


def _chosen(kept: list[Record], say: Callable[[str], None]) -> float:
    """Return the weight that predicts people's votes best, on records that are not held out."""
    import numpy as np

    from emocli.metrics import pooling

    pairs = [pair for record in kept if (pair := _usable(record))]
    labels = sorted({label for pair in pairs for votes in pair for label in votes})
    human, synthetic = (
        np.array([[pair[side].get(label, 0) for label in labels] for pair in pairs])
        for side in (0, 1)
    )
    weight = pooling.best_weight(human, synthetic) if pairs else math.nan
    if math.isnan(weight):
        say("the weight is 1, not chosen: no record has two human votes and a synthetic one")
        return 1.0
    say(f"a synthetic vote weighs {weight:.4g}, chosen on {len(pairs)} records")
    return weight


def _usable(record: Record) -> tuple[Votes, Votes] | None:
    """Return the votes of a record for choosing the weight; its errors are reported later."""
    if record.get("error") or record.get("split") in HELD_OUT:
        return None
    try:
        human = label_reading.counts(label_reading.label(record))
        synthetic = label_reading.annotated(record)
    except RecordError:
        return None
    return (human, synthetic) if sum(human.values()) >= 2 and synthetic else None


def merge(record: Record, rule: str, weight: float) -> Record:
    """Add `label.votes_by_source`, and the merged `label.distribution` by a rule.

    People's votes stay in `label.votes`; rule none restores their distribution. A record of a
    held-out split keeps people's distribution, and so does one with a distribution and no votes.
    """
    label = {**label_reading.label(record)}
    human, synthetic = label_reading.counts(label), label_reading.annotated(record)
    if not synthetic and not label.get("merged"):
        return record
    label["votes_by_source"] = {**({"human": human} if human else {}), "synthetic": synthetic}
    foreign = bool(label.get("distribution")) and not label.get("merged") and not human
    if rule == "none" or record.get("split") in HELD_OUT or foreign:
        if label.pop("merged", None):
            label.pop("distribution", None)
            label |= {"distribution": _shares(human)} if human else {}
    else:
        votes = _weighed(human, synthetic, weight)
        label["distribution"] = _shares(votes)
        label["merged"] = {
            "rule": rule,
            "weight": weight,
            "human": sum(human.values()),
            "synthetic": sum(synthetic.values()),
        }
    record["label"] = label
    return record


def _weighed(human: Votes, synthetic: Votes, weight: float) -> dict[str, float]:
    names = [*human, *(name for name in synthetic if name not in human)]
    votes = {n: human.get(n, 0) + weight * synthetic.get(n, 0) for n in names}
    # All weights are zero: no person has voted, and annotators have weight 0.
    return votes if any(votes.values()) else dict(synthetic)


def _shares(votes: dict[str, float] | Votes) -> dict[str, float]:
    total = sum(votes.values())
    return {name: value / total for name, value in votes.items()}
