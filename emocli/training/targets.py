"""The training targets in a record's label: at most one labelled head, and any numbers."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emocli import records
from emocli.bundles import heads
from emocli.bundles.heads import CLASSES, NUMBER, Head
from emocli.errors import RecordError, UsageError
from emocli.records import Record, label_reading
from emocli.records.labels import ordered

BLEND_TOLERANCE = 1.0  # per cent, for saliences that add to 100, as in metrics.blend
SHARES_TOLERANCE = 0.01  # of a distribution, as in metrics.distribution


def named(text: str) -> list[str]:
    """Return the targets of "emotion,valence": the one with labels first."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in heads.KINDS]:
        hint = f"one of {', '.join(heads.KINDS)}, or several separated by commas"
        raise UsageError(f"--target: unknown target {unknown[0]}", hint=hint)
    with_labels = [name for name in names if heads.KINDS[name] != NUMBER]
    if not names or len(set(names)) < len(names) or len(with_labels) > 1:
        hint = "at most one of emotion, distribution and blend, and each target once"
        raise UsageError(f"--target {text}: not a valid set of targets", hint=hint)
    return sorted(names, key=lambda name: heads.KINDS[name] == NUMBER)


class Targets:
    """The labels of all records as numbers: shares by label, and a column per regression target."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.numbers = {n: array("d") for n in names if heads.KINDS[n] == NUMBER}
        self.words: dict[str, int] = {}
        self.count = 0
        self._rows, self._columns, self._shares = array("q"), array("q"), array("d")

    @property
    def labelled(self) -> str | None:
        """The target that has labels, or None."""
        first = self.names[0]
        return None if first in self.numbers else first

    def add(self, record: Record) -> bool:
        """Add a record's label; return False if it lacks the targets.

        With a labelled target a record must have its labels, else at least one of the numbers.
        Raises RecordError naming the record if its label has not the form of one.
        """
        try:
            label = label_reading.label(record)
            shares = _shares(label, self.labelled) if self.labelled else {}
            numbers = {name: _number(label, name) for name in self.numbers}
        except RecordError as error:
            message = f"{records.name_of(record)}: {error.message}"
            raise RecordError(error.code, message, hint=error.hint) from None
        if not (shares if self.labelled else any(map(math.isfinite, numbers.values()))):
            return False
        for word, share in shares.items():
            self._rows.append(self.count)
            self._columns.append(self.words.setdefault(word, len(self.words)))
            self._shares.append(share)
        for name, value in numbers.items():
            self.numbers[name].append(value)
        self.count += 1
        return True

    def lacking(self) -> str:
        """Return the reason to skip a record without targets, such as "no label.emotion"."""
        fields = {"distribution": "label.distribution or label.votes"}
        names = [self.labelled] if self.labelled else self.names
        return "no " + " or ".join(fields.get(name, f"label.{name}") for name in names)

    def heads(self) -> list[Head]:
        """Return the heads for these labels; numbers are scaled by their standard deviation."""
        listed = []
        if self.labelled:
            listed.append(
                Head(self.labelled, heads.KINDS[self.labelled], tuple(ordered(self.words)))
            )
        for name, column in self.numbers.items():
            values = np.asarray(column)
            known = values[np.isfinite(values)]
            if not len(known):
                raise UsageError(f"--target {name}: no record has label.{name}")
            scale = float(known.std()) or 1.0
            listed.append(Head(name, NUMBER, mean=float(known.mean()), scale=scale))
        return listed

    def tensor(self, model_heads: Sequence[Head]) -> Tensor:
        """Return the training targets of these heads (see data.Data)."""
        parts = []
        for head in model_heads:
            if head.labels:
                parts.append(self._table(head))
            else:
                values = (np.asarray(self.numbers[head.target]) - head.mean) / head.scale
                parts.append(values.astype(np.float32)[:, None])
        if len(parts) == 1 and model_heads[0].kind == CLASSES:
            return torch.from_numpy(parts[0].argmax(1))
        return torch.from_numpy(np.concatenate(parts, axis=1))

    def _table(self, head: Head) -> Any:
        """Return the shares (records, labels)."""
        if unknown := set(self.words) - set(head.labels):
            names = ", ".join(sorted(unknown))
            raise UsageError(f"--dev has labels that the training records lack: {names}")
        place = {label: i for i, label in enumerate(head.labels)}
        columns = np.array([place[word] for word in self.words], np.int64)
        table = np.zeros((self.count, len(head.labels)), np.float32)
        table[np.asarray(self._rows), columns[np.asarray(self._columns)]] = self._shares
        return table


def _number(label: Record, name: str) -> float:
    value = label_reading.rating(label, name, "label")
    return math.nan if value is None else value


def _shares(label: Record, target: str) -> dict[str, float]:
    """Return the share of each label, adding to one; {} if the record has no such label."""
    if target == "emotion":
        emotion = label_reading.emotion(label, "label")
        return {emotion: 1.0} if emotion else {}
    field = "blend" if target == "blend" else "distribution"
    shares = label_reading.numbers(label, field, "label")
    if not shares and target == "distribution":
        field, shares = "votes", label_reading.numbers(label, "votes", "label")
    if not shares:
        return {}
    name = f"label.{field}"
    if min(shares.values()) < 0:
        message = f"{name} is not a distribution: {shares!r:.80}"
        raise RecordError(f"bad_{field}", message, hint="numbers by label, none negative")
    total = math.fsum(shares.values())
    sums = {"blend": (100.0, BLEND_TOLERANCE), "distribution": (1.0, SHARES_TOLERANCE)}
    expected, tolerance = sums.get(field, (total, 0.0))
    if total <= 0 or abs(total - expected) > tolerance:
        message = f"{name} adds to {total:g}, not to {expected:g}: {shares!r:.80}"
        raise RecordError(f"bad_{field}", message)
    return {word: value / total for word, value in shares.items() if value > 0}
