"""What belongs together when records are split: the groups of each field of --cv, and trials."""

from __future__ import annotations

from collections.abc import Sequence

from emocli import records
from emocli.errors import UsageError
from emocli.records import Record

MADE = "\0made"  # the group of augmented records, which are never held out
NO_FIELD = ""  # without --cv: a record's speaker, dialogue or id
SELECT = "jq -c 'select({test})' leaves out the records without"

Trial = tuple[str, str]  # the speaker, and what the presentation is called


class Groups:
    """The group of every record in each field, and its trial.

    A trial is one presentation to one speaker: `trial` of a record, with its `speaker`. Its
    windows resemble each other, so they are never on both sides of a split.
    """

    def __init__(self, fields: Sequence[str] = ()) -> None:
        self.fields = tuple(fields) or (NO_FIELD,)
        self.columns: list[list[str]] = [[] for _ in self.fields]
        self.trials: list[Trial | None] = []

    def add(self, record: Record) -> Record:
        """Note the groups of a record, and return them as fields; UsageError if it has none."""
        is_made = bool(record.get("augmented"))
        groups = [MADE if is_made else _group(record, field) for field in self.fields]
        for column, group in zip(self.columns, groups, strict=True):
            column.append(group)
        self.trials.append(None if is_made else trial(record))
        noted: Record = {"group": groups[0] if len(groups) == 1 else groups}
        return noted if self.trials[-1] is None else {**noted, "trial": self.trials[-1]}

    def joined(self) -> list[list[str]]:
        """Return the groups by field, with those that share a trial as one: the first by name."""
        if not any(self.trials):
            return self.columns
        return [_joined(column, self.trials) for column in self.columns]

    def told(self) -> list[str]:
        """Return what to tell of the groups that are joined by trials, a text for each field."""
        texts = []
        for field, before, after in zip(self.fields, self.columns, self.joined(), strict=True):
            if field and (count := len(set(before))) > (left := len(set(after))):
                what = f"{_example(field, before, self.trials)}: {count} groups become {left}"
                texts.append(f"--cv {field}: windows of a trial stay together, and {what}")
        return texts

    def shared_trials(self, other: Groups) -> int:
        """Return how many trials are in both."""
        return len((set(self.trials) & set(other.trials)) - {None})


def trial(record: Record) -> Trial | None:
    """Return the trial of a record, None if it has none.

    >>> trial({"speaker": "s1", "trial": 3}), trial({"speaker": "s1"})
    (('s1', '3'), None)
    """
    name = record.get("trial")
    return None if name is None else (str(record.get("speaker")), str(name))


def _group(record: Record, field: str) -> str:
    if field == NO_FIELD:
        return str(record.get("speaker") or record.get("dialogue") or record.get("id"))
    value = record.get(field)
    if value is None:
        hint = SELECT.format(test=f'has("{field}")')
        message = f"{records.name_of(record)}: --cv {field}: no field '{field}'"
        raise UsageError(message, hint=hint)
    return str(value)


def _example(field: str, column: list[str], trials: list[Trial | None]) -> str:
    """Return which trial, the first one, has records of several groups."""
    first: dict[Trial, str] = {}
    for group, name in zip(column, trials, strict=True):
        if name is not None and (other := first.setdefault(name, group)) != group:
            return f"trial {name[1]} of speaker {name[0]} has {field} {other} and {group}"
    return "some trials have several"


def _joined(column: list[str], trials: list[Trial | None]) -> list[str]:
    """Return the groups of a field, where those of one trial, directly or by others, are one."""
    parent = {group: group for group in column}

    def top(group: str) -> str:
        while parent[group] != group:
            parent[group] = group = parent[parent[group]]
        return group

    first: dict[Trial, str] = {}
    for group, name in zip(column, trials, strict=True):
        if name is not None:
            one, other = sorted((top(first.setdefault(name, group)), top(group)))
            parent[other] = one
    return [top(group) for group in column]
