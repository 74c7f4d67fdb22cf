"""What of a record's label is learned: one head with labels at most, and any number of numbers."""

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
from emocli.errors import UsageError
from emocli.records import Record, labels

BLEND_TOLERANCE = 1.0  # per cent that saliences may miss 100 by, as in metrics.blend
SHARES_TOLERANCE = 0.01  # of a distribution, as in metrics.distribution


def named(text: str) -> list[str]:
    """Return the targets of "emotion,valence": the one with labels first."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in heads.KINDS]:
        hint = f"one of {', '.join(heads.KINDS)}, or several with commas between"
        raise UsageError(f"--target {unknown[0]}: nothing of the label is called so", hint=hint)
    with_labels = [name for name in names if heads.KINDS[name] != NUMBER]
    if not names or len(set(names)) < len(names) or len(with_labels) > 1:
        hint = "one of emotion, distribution and blend at most, and each once"
        raise UsageError(f"--target {text}: not a set of targets", hint=hint)
    return sorted(names, key=lambda name: heads.KINDS[name] == NUMBER)


class Targets:
    """The labels of all records, as numbers: shares by label, and a column for each number."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.numbers = {n: array("d") for n in names if heads.KINDS[n] == NUMBER}
        self.words: dict[str, int] = {}
        self.count = 0
        self._rows, self._columns, self._shares = array("q"), array("q"), array("d")

    @property
    def labelled(self) -> str | None:
        """The target that has labels."""
        first = self.names[0]
        return None if first in self.numbers else first

    def add(self, record: Record) -> bool:
        """Take in a record's label; return False where it has none of what is wanted.

        A record must have the labels where there is such a target, else at least one number.
        """
        label = record.get("label")
        label = label if isinstance(label, dict) else {}
        shares = _shares(record, label, self.labelled) if self.labelled else {}
        numbers = {name: _number(record, label, name) for name in self.numbers}
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
        """Return what to say of a record that has not what is wanted: "no label.emotion"."""
        words = {"distribution": "label.distribution or label.votes"}
        wanted = [self.labelled] if self.labelled else self.names
        return "no " + " or ".join(words.get(name, f"label.{name}") for name in wanted)

    def heads(self) -> list[Head]:
        """Return the heads these labels ask for; numbers are taken in units of their spread."""
        listed = []
        if self.labelled:
            listed.append(Head(self.labelled, heads.KINDS[self.labelled], tuple(self._labels())))
        for name, column in self.numbers.items():
            values = np.asarray(column)
            known = values[np.isfinite(values)]
            if not len(known):
                raise UsageError(f"--target {name}: no record has label.{name}")
            scale = float(known.std()) or 1.0
            listed.append(Head(name, NUMBER, mean=float(known.mean()), scale=scale))
        return listed

    def _labels(self) -> list[str]:
        """Return the labels in the project's order, others behind them by name."""
        words = set(self.words)
        known = [name for name in labels.EMOTIONS if name in words]
        return known + sorted(words - set(known))

    def tensor(self, wanted: Sequence[Head]) -> Tensor:
        """Return the targets of training for these heads (see data.Data)."""
        parts = []
        for head in wanted:
            if head.labels:
                parts.append(self._table(head))
            else:
                values = (np.asarray(self.numbers[head.target]) - head.mean) / head.scale
                parts.append(values.astype(np.float32)[:, None])
        if len(parts) == 1 and wanted[0].kind == CLASSES:
            return torch.from_numpy(parts[0].argmax(1))
        return torch.from_numpy(np.concatenate(parts, axis=1))

    def _table(self, head: Head) -> Any:
        """Return the shares (records, labels)."""
        if unknown := set(self.words) - set(head.labels):
            names = ", ".join(sorted(unknown))
            raise UsageError(f"--dev has labels the training records lack: {names}")
        place = {label: i for i, label in enumerate(head.labels)}
        columns = np.array([place[word] for word in self.words], np.int64)
        table = np.zeros((self.count, len(head.labels)), np.float32)
        table[np.asarray(self._rows), columns[np.asarray(self._columns)]] = self._shares
        return table


def _number(record: Record, label: Record, name: str) -> float:
    value = label.get(name)
    if value is None:
        return math.nan
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UsageError(f"{records.name_of(record)}: label.{name} is no number: {value!r:.60}")
    return float(value)


def _shares(record: Record, label: Record, target: str) -> dict[str, float]:
    """Return the share of each label, adding to one; nothing where the record has no such label."""
    if target == "emotion":
        emotion = label.get("emotion")
        return {emotion: 1.0} if isinstance(emotion, str) and emotion else {}
    field = "blend" if target == "blend" else "distribution"
    shares = label.get(field)
    if shares is None and target == "distribution":
        field, shares = "votes", label.get("votes")
    if shares is None:
        return {}
    name = f"{records.name_of(record)}: label.{field}"
    numbers: list[Any] = list(shares.values()) if isinstance(shares, dict) else [None]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and v >= 0 for v in numbers):
        hint = "numbers by label, none below zero"
        raise UsageError(f"{name} is no distribution: {shares!r:.80}", hint=hint)
    total = math.fsum(numbers)
    wanted, most = {"blend": (100.0, BLEND_TOLERANCE), "distribution": (1.0, SHARES_TOLERANCE)}.get(
        field, (total, 0.0)
    )
    if total <= 0 or abs(total - wanted) > most:
        raise UsageError(f"{name} adds to {total:g}, not to {wanted:g}: {shares!r:.80}")
    return {word: value / total for word, value in shares.items() if value > 0}
