"""Which records a model is trained on, stopped early by and tested on: by groups, arrays alone.

Groups are ordered by hashes of their names, so that a split is the same for every order of the
records. With several fields a cell is a fold of the groups of each field: its records are tested
by a model of the records that share none of these groups, and the same holds for early stopping.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emocli.errors import UsageError
from emocli.training.groups import MADE

DEV_SHARE = 5  # one group in five is held out for early stopping

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """A split: places of records to train on, for early stopping, and to test."""

    name: int | str  # the number of the fold from 1 on; of several fields "2,1"
    train: Ints
    dev: Ints
    test: Ints


def folds(groups: list[str], count: int, field: str = "") -> list[int]:
    """Return the fold of each record: whole groups, assigned in the order of their hashes."""
    names = hashed(groups)
    if len(names) < 3:
        hint = "at least three are needed: to train, to stop early and to test"
        what = f"{len(names)} group{'s' if len(names) > 1 else ''}"
        message = f"--cv {field}".strip() + f": only {what} ({', '.join(names)})"
        raise UsageError(message, hint=hint)
    place = {group: number % min(count, len(names)) for number, group in enumerate(names)}
    return [place[group] for group in groups]


def hashed(groups: Sequence[str]) -> list[str]:
    """Return the names of groups in the order of their hashes, without what was made of others."""
    names = set(groups) - {MADE}
    return sorted(names, key=lambda group: hashlib.blake2b(group.encode()).digest())


class Table:
    """Records as rows of numbers, one row for all with equal groups and label.

    `columns` are the groups by field, `labels` (records,) numbers of labels (0 where there are
    none), by which early stopping is chosen.
    """

    def __init__(self, columns: Sequence[Sequence[str]], labels: Ints) -> None:
        self.names = [hashed(column) for column in columns]
        numbers = [_numbers(*pair) for pair in zip(columns, self.names, strict=True)]
        first, self._of = _distinct([*numbers, labels])
        self.groups = np.stack([column[first] for column in numbers], 1)
        self.labels = labels[first]

    @property
    def several(self) -> bool:
        """Whether groups of several fields are held out at once."""
        return self.groups.shape[1] > 1

    @property
    def everything(self) -> Mask:
        """All rows."""
        return np.ones(len(self.labels), np.bool_)

    def places(self, mask: Mask) -> Ints:
        """Return the places of the records of some rows."""
        return np.flatnonzero(mask[self._of])

    def held_out(self, pool: Mask) -> tuple[Mask, Mask] | None:
        """Return the rows of a pool to train on, and those for early stopping; None if none fit.

        Of one field a fifth of the groups, the first by hash. Of several a fifth of each, rounded
        up, and none of their records is trained on: of the windows of groups along the order of
        hashes, the first with the most labels left to train on, then held out (our choice).
        """
        present = [np.unique(column[pool]) for column in self.groups.T]
        present = [groups[groups >= 0] for groups in present]
        if not self.several:
            held = np.isin(self.groups[:, 0], present[0][: max(1, len(present[0]) // DEV_SHARE)])
            parts = pool & ~held, pool & held
            return parts if len(present[0]) > 1 else None
        for offsets in (_together(present), itertools.product(*(range(len(p)) for p in present))):
            found = [self._window(pool, present, start) for start in offsets]
            usable = [pair for pair in found if pair[0].any() and pair[1].any()]
            if usable:
                return max(usable, key=self._labels)
        return None

    def _window(self, pool: Mask, present: list[Ints], start: Sequence[int]) -> tuple[Mask, Mask]:
        held = np.empty(self.groups.shape, np.bool_)
        for field, (groups, first) in enumerate(zip(present, start, strict=True)):
            chosen = np.roll(groups, -first)[: -(-len(groups) // DEV_SHARE)]
            held[:, field] = np.isin(self.groups[:, field], chosen)
        return pool & ~held.any(1), pool & held.all(1)

    def _labels(self, parts: tuple[Mask, Mask]) -> tuple[int, int]:
        train, dev = (len(np.unique(self.labels[part])) for part in parts)
        return train, dev

    def cells(self, numbers: Sequence[Sequence[int]]) -> Iterator[Cell]:
        """Yield every cell that has records, in order; UsageError where nothing is left to train.

        `numbers` are the folds of the records, from 0 on, by field.
        """
        fold = np.zeros(self.groups.shape, np.int64)
        fold[self._of] = np.stack(numbers, 1)
        for cell in np.unique(fold, axis=0):
            same = fold == cell
            parts = self.held_out(~same.any(1))
            name = ",".join(str(number + 1) for number in cell)
            if parts is None:
                raise _nothing_left(name, self.several)
            train, dev, test = (self.places(mask) for mask in (*parts, same.all(1)))
            yield Cell(name if self.several else int(cell[0]) + 1, train, dev, test)


def require_crossed(fields: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
    """Raise UsageError if holding out the groups of one field holds out those of another."""
    for (one, a), (other, b) in itertools.permutations(zip(fields, columns, strict=True), 2):
        if len(set(zip(a, b, strict=True))) == len(set(a)):
            rest = ",".join(field for field in fields if field != one)
            message = f"every {one} belongs to one {other}"
            raise UsageError(
                f"--cv {','.join(fields)}: {message}, so holding out the {other} holds out both",
                hint=f"--cv {rest}",
            )


def _numbers(column: Sequence[str], names: list[str]) -> Ints:
    number = {name: place for place, name in enumerate(names)} | {MADE: -1}
    return np.array([number[group] for group in column], np.int64)


def _distinct(columns: list[Ints]) -> tuple[Ints, Ints]:
    """Return the places of the first of equal rows, and for each row which of these it equals."""
    code: Ints = np.zeros(len(columns[0]), np.int64)
    for column in columns:  # ranked after each, so that no code overflows
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        _, code = np.unique(code * (high - low + 1) + column - low, return_inverse=True)
    _, first, of = np.unique(code, return_index=True, return_inverse=True)
    return first, of


def _together(present: list[Ints]) -> Iterator[list[int]]:
    """Yield starts of windows that move along all fields at once."""
    lengths = [len(groups) for groups in present]
    for step in range(max(lengths)):
        yield [step % length for length in lengths]


def _nothing_left(name: str, several: bool) -> UsageError:
    if not several:
        hint = "more groups, or a larger --folds"
        return UsageError(f"--cv: outside fold {name} there is only one group", hint=hint)
    return UsageError(
        f"--cv: outside cell {name} there are no records to train on and to stop early by",
        hint="a larger --folds holds out fewer groups at once; or --cv with one field",
    )
