"""Read the labels and predictions of a record: the only code that takes them apart.

Null, an absent field and an empty object mean that there is no label. Anything else that has not
the form of `records.label_types` is a RecordError that quotes it; it never counts as no label.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from emocli.errors import RecordError
from emocli.records.labels import ordered
from emocli.records.types import Record

NUMBERS = frozenset({int, float})  # not bool: JSON's true is no number
LABEL, PREDICTION = "label", "prediction"
EXAMPLE = {
    LABEL: "; jq -c '.label = {emotion: .label}' makes words so",
    PREDICTION: "; emocli predict adds one",
}


def label(record: Record) -> Record:
    """Return the label of a record, {} if it has none.

    >>> label({"label": {"emotion": "joy"}}), label({"label": None})
    ({'emotion': 'joy'}, {})
    """
    return side(record.get(LABEL), LABEL)


def side(value: Any, where: str) -> Record:
    """Return a label or a prediction, {} for null; RecordError bad_WHERE if it is no object."""
    if value is None:
        return {}
    if type(value) is not dict:
        hint = f'like {{"emotion": "joy"}}{EXAMPLE.get(where, "")}'
        raise RecordError(f"bad_{where}", f"{where} is not an object: {value!r:.80}", hint=hint)
    return value


def emotion(side: Record, where: str) -> str | None:
    """Return the emotion of a label or a prediction, None if it has none."""
    word = side.get("emotion")
    if word is None or type(word) is str:
        return word
    hint = "the name of the emotion, like joy"
    raise RecordError(f"bad_{where}", f"{where}.emotion is not a word: {word!r:.80}", hint=hint)


def several(side: Record, where: str) -> list[str] | None:
    """Return the labels in `multi` of a label or a prediction, None if it has none."""
    words = side.get("multi")
    if words is None or (type(words) is list and all(type(word) is str for word in words)):
        return words
    raise RecordError("bad_multi", f"{where}.multi is not a list of labels: {words!r:.80}")


def rating(side: Record, name: str, where: str) -> float | None:
    """Return valence or another number of a label or a prediction, None if it has none."""
    value = side.get(name)
    if value is None or (type(value) in NUMBERS and _fits(value)):
        return None if value is None else float(value)
    raise RecordError(f"bad_{where}", f"{where}.{name} is not a number: {value!r:.80}")


def numbers(side: Record, name: str, where: str) -> dict[str, float]:
    """Return numbers by label: probabilities, shares, saliences; {} if there are none, null is 0.

    >>> numbers({"distribution": {"joy": 1, "fear": None}}, "distribution", "label")
    {'joy': 1, 'fear': 0}
    """
    values = side.get(name)
    if values is None:
        return {}
    if type(values) is dict:
        known = {word: 0 if number is None else number for word, number in values.items()}
        if {*map(type, known.values())} <= NUMBERS and all(map(_fits, known.values())):
            return known
    hint = f'{where}.{name} is like {{"joy": 0.7, "fear": 0.3}}'
    raise RecordError(f"bad_{name}", f"not numbers in {name}: {values!r:.80}", hint=hint)


def _fits(number: float) -> bool:
    """Say whether a number is finite and not too large for 64 bits of floating point."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def counts(side: Record, name: str = "votes") -> dict[str, int]:
    """Return the votes by label; {} if nobody voted, null is 0."""
    votes = side.get(name)
    if votes is None:
        return {}
    if type(votes) is dict:
        known = {word: 0 if count is None else count for word, count in votes.items()}
        if {*map(type, known.values())} <= NUMBERS and all(map(_is_count, known.values())):
            return (
                {word: int(count) for word, count in known.items()} if any(known.values()) else {}
            )
    raise RecordError("bad_votes", f"label.{name} are not counts: {votes!r:.80}")


def _is_count(number: float) -> bool:
    return number >= 0 and number == number // 1


def annotated(record: Record) -> dict[str, int]:
    """Return the votes of the record's `annotations`; those without a label do not count."""
    votes: Counter[str] = Counter()
    for answer in answers(record):
        word = answer.get(LABEL)
        if word is not None and type(word) is not str:
            message = f"the label of an annotation is not a word: {word!r:.80}"
            raise RecordError("bad_annotations", message)
        votes.update([word] if word else [])
    return {word: votes[word] for word in ordered(votes)}


def answers(record: Record) -> list[Record]:
    """Return the record's `annotations`, [] if it has none."""
    listed = record.get("annotations")
    if listed is None or listed == {}:
        return []
    if type(listed) is not list or not all(type(answer) is dict for answer in listed):
        message = f"annotations is not a list of objects: {listed!r:.80}"
        raise RecordError("bad_annotations", message)
    return listed
