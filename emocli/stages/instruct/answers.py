"""The answer that a record gives to a task, by its label or by its descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from emocli.errors import RecordError
from emocli.llm.instructions import DESCRIPTION, LISTED, NUMBER, SEVERAL, WORDS, Task
from emocli.records import Record, label_reading, validation
from emocli.records.labels import canonical
from emocli.stages.instruct import descriptions

SIGNS = ("negative", "neutral", "positive")
KEPT = {"emotion": "original", "multi": "multi_original"}  # the words of the source


class Gold(NamedTuple):
    """An answer, the labels to choose from, and which machine wrote it if one did."""

    text: str
    labels: list[str]
    by: str | None = None


def fields(task: Task) -> list[str]:
    """Return the fields of a record that answer a task, the first that is there."""
    named = [*task.contents["fields"], task.contents.get("sign_of")]
    described = [f"descriptions.{key}" for key in task.describes]
    return described + [f"label.{field}" for field in named if field]


def ends(task: Task, corpus: str | None) -> tuple[float, float]:
    """Return the ends of the scale of a task of numbers, (0, 0) for another."""
    return task.scale(corpus) if task.kind == NUMBER else (0.0, 0.0)


def corpus_of(record: Record) -> str | None:
    """Return the corpus that a record is of: `corpus`, else `dataset`, in lower case."""
    named = (record.get(name) for name in ("corpus", "dataset"))
    return next((name.casefold() for name in named if isinstance(name, str)), None)


def gold(record: Record, task: Task, chosen: tuple[str, ...] | None = None) -> Gold | None:
    """Return the answer to a task, None if the record has none.

    The labels are `chosen`, else those of the record's corpus (`label_space`), else the task's.
    Raises RecordError for a label that is not in the list, or not on the scale.
    """
    if task.kind == DESCRIPTION:
        found = descriptions.first(record, tuple(task.describes))
        return found and Gold(found.text, [], found.by)
    label = label_reading.label(record)
    if task.kind == NUMBER:
        number = _number(record, label, task)
        return None if number is None else Gold(number, [])
    for field in task.contents["fields"]:
        own = [] if chosen or task.kind == WORDS else _space(record, field)
        if words := _words(label, field, kept=bool(own)):
            return _listed(words, task, _labels(task, field, chosen, own))
    signed = task.contents.get("sign_of")
    value = label_reading.rating(label, signed, "label") if signed else None
    if value is None:
        return None
    own = [] if chosen else _space(record, "polarity")
    sign = SIGNS[(value > 0) - (value < 0) + 1]
    return _listed([sign], task, _labels(task, "polarity", chosen, own))


def _labels(
    task: Task, field: str, chosen: tuple[str, ...] | None, own: Sequence[str]
) -> list[str]:
    """Return the labels to choose from."""
    if chosen is not None:
        return list(chosen)
    several = "emotion" in task.contents["fields"]  # a task that asks for either
    return list(own) or (list(SIGNS) if field == "polarity" and several else task.labels)


def _space(record: Record, field: str) -> list[str]:
    """Return the labels of the record's corpus for a field; none if it lists none."""
    spaces = validation.value(record, "label_space", code="bad_label_space") or {}
    return list(spaces.get(field) or [])


def _words(label: Record, field: str, *, kept: bool) -> list[str]:
    """Return the words under a field of a label, with `kept` those of the source if it has any."""
    for name in (KEPT[field], field) if kept and field in KEPT else (field,):
        if field == "multi":
            several = label_reading.several({"multi": label.get(name)}, "label") or []
            words = [word for word in several if word.strip()]
        else:
            word = label_reading.emotion({"emotion": label.get(name)}, "label")
            words = [word] if word and word.strip() else []
        if words:
            return words
    return []


def _listed(words: list[str], task: Task, labels: list[str]) -> Gold:
    """Return words as they are spelt in the list of labels, if the task has one."""
    if task.kind not in LISTED:
        return Gold(", ".join(words), [])
    spelt = [_of_list(word, labels) for word in (words if task.kind == SEVERAL else words[:1])]
    return Gold(", ".join(dict.fromkeys(spelt)), labels)


def _of_list(word: str, listed: Sequence[str]) -> str:
    """Return a word as it is spelt in a list, or what means the same of the seven there."""
    same = {label.casefold(): label for label in reversed(listed)}
    meant = {canonical(label): label for label in reversed(listed)}
    meaning = canonical(word)
    found = same.get(word.strip().casefold()) or (meant.get(meaning) if meaning else None)
    if found is None:
        message = f"'{word:.60}' is not one of {', '.join(listed)}"
        raise RecordError("unknown_label", message, hint="--labels names others")
    return found


def _number(record: Record, label: Record, task: Task) -> str | None:
    value = label_reading.rating(label, task.contents["fields"][0], "label")
    if value is None:
        return None
    least, most = task.scale(corpus_of(record))
    if not least <= value <= most:
        message = f"{task.contents['fields'][0]} {value:g} is not from {least:g} to {most:g}"
        raise RecordError("off_scale", message, hint="the scale goes by the field dataset")
    return task.written(value, (least, most))


def text_at(record: Record, field: str) -> str:
    """Return the text under a field, "a.b" for one inside another; RecordError if none is there."""
    value: Any = record
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value.strip():
        message = f"no text in {field:.60}: {value!r:.60}"
        raise RecordError("no_rationale", message, hint="--rationale names a field with a text")
    return " ".join(value.split())
