"""The answer that the label of a record gives to a task."""

from __future__ import annotations

from typing import Any

from emocli.errors import RecordError
from emocli.llm.instructions import CHOICE, NUMBER, Task
from emocli.records import Record, label_reading
from emocli.records.labels import canonical

SIGNS = ("negative", "neutral", "positive")


def fields(task: Task) -> list[str]:
    """Return the fields of a label that answer a task, the first that is there."""
    named = [*task.contents["fields"], task.contents.get("sign_of")]
    return [field for field in named if field]


def labels(task: Task, chosen: tuple[str, ...] | None) -> list[str]:
    """Return the labels to choose from; none for another kind of task."""
    if task.kind != CHOICE:
        return []
    return task.labels if chosen is None else list(chosen)


def ends(task: Task, dataset: str | None) -> tuple[float, float]:
    """Return the ends of the scale of a task of numbers, (0, 0) for another."""
    return task.scale(dataset) if task.kind == NUMBER else (0.0, 0.0)


def gold(record: Record, task: Task, chosen: tuple[str, ...] | None = None) -> str | None:
    """Return the answer to a task as a text, None if the label has none.

    Raises RecordError for a label that is not in the list, or not on the scale.
    """
    label = label_reading.label(record)
    if task.kind == NUMBER:
        return _number(record, label, task)
    for field in task.contents["fields"]:
        if words := _words(label, field):
            return _of_list(words[0], task, chosen) if task.kind == CHOICE else ", ".join(words)
    signed = task.contents.get("sign_of")
    value = label_reading.rating(label, signed, "label") if signed else None
    return None if value is None else _of_list(SIGNS[(value > 0) - (value < 0) + 1], task, chosen)


def _words(label: Record, field: str) -> list[str]:
    """Return the words under a field of a label."""
    if field == "multi":
        return [word for word in label_reading.several(label, "label") or [] if word.strip()]
    word = label_reading.emotion({"emotion": label.get(field)}, "label")
    return [word] if word and word.strip() else []


def _of_list(word: str, task: Task, chosen: tuple[str, ...] | None) -> str:
    """Return a word as it is spelt in the list of labels."""
    listed = labels(task, chosen)
    same = {label.casefold(): label for label in reversed(listed)}
    found = same.get(word.strip().casefold()) or same.get(canonical(word) or "")
    if found is None:
        message = f"'{word:.60}' is not one of {', '.join(listed)}"
        raise RecordError("unknown_label", message, hint="--labels names others")
    return found


def _number(record: Record, label: Record, task: Task) -> str | None:
    value = label_reading.rating(label, task.contents["fields"][0], "label")
    if value is None:
        return None
    dataset = record.get("dataset")
    least, most = task.scale(dataset.casefold() if isinstance(dataset, str) else None)
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
