"""The keys of `score --by`: any field, modalities, ambiguity."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.errors import UsageError
from emocli.metrics import agreement, alignment
from emocli.records import Record, label_reading
from emocli.scoring.columns import Columns, field

MODALITIES, AMBIGUITY = "modalities", "ambiguity"
DROPOUT = "dropout "
MEAN = "dropout, mean"
THIRDS = ("low", "middle", "high")

Keys = dict[str, Callable[[Record], Any]]  # the value of a record, by name
Masks = list[NDArray[np.bool_]]  # sets of records; several mean the mean of their metrics


def keys(by: str | None) -> Keys:
    """Return the key of each name in "a,b,c"."""
    names = [name.strip() for name in by.split(",")] if by else []
    if "" in names or len(set(names)) < len(names):
        raise UsageError(f"--by {by}: names of fields, each once, with commas between them")
    return {name: _key(name) for name in names}


def _key(name: str) -> Callable[[Record], Any]:
    if name == MODALITIES:
        return modalities
    return Ambiguity() if name == AMBIGUITY else lambda record: field(record, name)


def modalities(record: Record) -> str | None:
    """Return the condition of `augment modalities`, else the modalities of the prediction.

    >>> modalities({"condition": {"modalities": "audio+text"}})
    'audio+text'
    >>> modalities({"condition": {"dropout": 0.3}})
    'dropout 0.3'
    >>> modalities({"condition": {"frame_loss": 0.3}})
    'frame loss 0.3'
    >>> modalities({"prediction": {"modalities": {"text": 0.7, "audio": 0.3}}})
    'audio+text'
    """
    condition = record.get("condition")
    if type(condition) is dict:
        if (rate := condition.get("dropout")) is not None:
            return f"{DROPOUT}{rate}"
        if (rate := condition.get("frame_loss")) is not None:
            return f"frame loss {rate}"
        return str(condition.get("modalities"))
    used = field(record, "prediction.modalities")
    return "+".join(sorted(used)) if type(used) is dict and used else None


class Ambiguity:
    """Thirds of the records by how far their raters disagree (`agreement.relative_entropies`).

    By rank, as published (`alignment.thirds`): n // 3, n // 3 and the rest. Of equally ambiguous
    records the earlier counts as less ambiguous, which is our choice.
    """

    def __init__(self) -> None:
        self.lengths, self.values = array("i"), array("d")

    def __call__(self, record: Record) -> None:
        """Keep the votes of a record's raters; of one that failed, or has bad votes, none."""
        values: list[float] = []
        try:
            if not record.get("error"):
                values = _votes(label_reading.label(record))
        finally:
            self.values.fromlist(values)
            self.lengths.append(len(values))

    def codes(self) -> NDArray[np.int64]:
        """Return the third of each record, 0 to 2, or -1 without votes."""
        lengths = np.asarray(self.lengths)
        padded = np.zeros((len(lengths), int(lengths.max(initial=0))))
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.asarray(self.values)
        known = np.flatnonzero((padded >= 0).all(1) & (padded.sum(1) > 0))
        codes = np.full(len(lengths), -1)
        codes[known] = alignment.thirds(agreement.relative_entropies(padded[known]))
        return codes


def _votes(label: Record) -> list[float]:
    names = ("votes", "distribution")
    votes, shares = (label_reading.numbers(label, name, "label") for name in names)
    return list((votes or shares).values())


def is_absent(columns: Columns, keys: Keys, name: str) -> bool:
    """Say whether no record has a value of a key."""
    key = keys[name]
    if isinstance(key, Ambiguity):
        return bool((key.codes() < 0).all())
    return columns.groups[name].keys() == {None}


def members(columns: Columns, keys: Keys, name: str) -> list[tuple[Any, Masks]]:
    """Return the values of one key, in order, with the records that have each."""
    key = keys[name]
    if isinstance(key, Ambiguity):
        codes = key.codes()
        thirds: list[tuple[Any, Masks]] = [(third, [codes == i]) for i, third in enumerate(THIRDS)]
        return thirds + ([(None, [codes < 0])] if (codes < 0).any() else [])
    numbers = np.asarray(columns.group[name])
    values = {value: [numbers == i] for value, i in columns.groups[name].items()}
    if name != MODALITIES:
        return list(values.items())
    rates = sorted(v for v in values if type(v) is str and v.startswith(DROPOUT))
    rates_last = {v: values[v] for v in values if v not in rates} | {v: values[v] for v in rates}
    if rates:
        rates_last[MEAN] = [values[rate][0] for rate in rates]
    return list(rates_last.items())
