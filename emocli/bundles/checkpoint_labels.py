"""The labels of a published classifier in our words, and its answers as predictions.

A label that means one of the seven gets its name (`records.labels`), whatever the case: happy is
joy. By default what means none of them keeps its name; `common` leaves it out and divides by what
remains, and says so; `original` keeps all names. Of two outputs that mean the same the
probabilities add; of several labels at a time either is enough, as if they were independent (our
choice). Several labels at a time are `multi` from 0.5 on, `emotion` is the likeliest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emocli.bundles import heads, outputs
from emocli.encoders.classifiers import CLASSES, DIMENSIONS, NUMBERS
from emocli.errors import ConfigError, UsageError
from emocli.records import Record
from emocli.records.labels import canonical, ordered

if TYPE_CHECKING:
    import numpy as np

MAPPED, COMMON, ORIGINAL = "mapped", "common", "original"
THRESHOLD = 0.5  # of `multi`, where labels are not exclusive


def heads_of(contents: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the heads that a bundle lists; ConfigError for columns that have no meaning here."""
    if contents["problem"] == NUMBERS:
        targets = [name.casefold() for name in contents["names"]]
        if wrong := [t for t in targets if t not in DIMENSIONS]:
            message = (
                f"{where}: a number called {wrong[0]!r:.60} is none of {', '.join(DIMENSIONS)}"
            )
            raise ConfigError(message, hint="--label-names says what they are, in order")
        if len(set(targets)) < len(targets):
            raise ConfigError(f"{where}: a number is there twice: {', '.join(targets)}")
        return [{"target": target, "kind": heads.NUMBER} for target in targets]
    labels = ordered({label for label in meaning(contents) if label})
    if not labels:
        message = f"{where}: none of its labels means one of the seven: {_listed(contents)}"
        raise ConfigError(message, hint="--labels original keeps its own")
    return [{"target": "emotion", "kind": heads.CLASSES, "labels": labels}]


def meaning(contents: Mapping[str, Any]) -> list[str | None]:
    """Return the label of each column; None for one that is left out."""
    how, names = contents["labels_as"], contents["names"]
    if how == ORIGINAL:
        return list(names)
    return [canonical(name) or (None if how == COMMON else name) for name in names]


def require_known(labels: str | None) -> None:
    """Raise UsageError for what is not a way to name labels."""
    if labels not in (None, COMMON, ORIGINAL):
        raise UsageError(f"--labels {labels:.40}: a checkpoint takes {COMMON} or {ORIGINAL}")


def left_out(contents: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns that are left out."""
    if contents["problem"] == NUMBERS:
        return []
    pairs = zip(contents["names"], meaning(contents), strict=True)
    return [name for name, label in pairs if label is None]


def renamed(contents: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what a checkpoint calls the labels that it calls otherwise, by label."""
    found: dict[str, list[str]] = {}
    if contents["problem"] != NUMBERS:
        for name, label in zip(contents["names"], meaning(contents), strict=True):
            if label is not None:
                found.setdefault(label, []).append(name)
    return {label: names for label, names in found.items() if names != [label]}


def logits(values: np.ndarray, contents: Mapping[str, Any]) -> np.ndarray:
    """Return the logits (records, labels) of the head, from the answers (records, columns).

    Of classes they are log-probabilities, of several labels at a time log-odds.
    """
    import numpy as np

    values = np.asarray(values, np.float64)
    if contents["problem"] == NUMBERS:
        return values
    labels, of_columns = contents["heads"][0]["labels"], meaning(contents)
    joined = np.empty((len(values), len(labels)))
    for place, label in enumerate(labels):
        columns = values[:, [i for i, own in enumerate(of_columns) if own == label]]
        joined[:, place] = _joined(columns, contents["problem"])
    return joined


def _joined(columns: np.ndarray, problem: str) -> np.ndarray:
    """Return the logit of one or the other of columns (records, columns)."""
    import numpy as np

    if columns.shape[1] == 1:
        return columns[:, 0]
    if problem == CLASSES:
        return np.logaddexp.reduce(columns, axis=1)
    neither = -np.logaddexp(0, columns).sum(axis=1)  # log of the product of 1 - p
    return np.log(-np.expm1(neither)) - neither


def predictions(values: np.ndarray, contents: Mapping[str, Any]) -> list[Record]:
    """Return the predictions of a checkpoint, one per row of its answers (records, columns)."""
    joined = logits(values, contents)
    if contents["problem"] == NUMBERS:
        return outputs.of(joined, contents)
    if contents["problem"] != CLASSES:
        return [_several(row, contents["heads"][0]["labels"]) for row in joined]
    rows = outputs.of(joined, contents)
    if lost := left_out(contents):
        import numpy as np

        places = [contents["names"].index(name) for name in lost]
        shares = np.exp(np.asarray(values, np.float64)[:, places])
        for row, given in zip(rows, shares, strict=True):
            row["left_out"] = {n: float(f"{v:.4g}") for n, v in zip(lost, given, strict=True)}
    return rows


def _several(odds: np.ndarray, labels: list[str]) -> Record:
    """Return the prediction of log-odds (labels,), each of which stands for itself."""
    import numpy as np

    values = 1 / (1 + np.exp(-odds))
    best = int(values.argmax())
    return {
        "emotion": labels[best],
        "probabilities": {n: float(f"{v:.6g}") for n, v in zip(labels, values, strict=True)},
        "confidence": float(f"{values[best]:.6g}"),
        "multi": [n for n, v in zip(labels, values, strict=True) if v >= THRESHOLD],
    }


def _listed(contents: Mapping[str, Any]) -> str:
    return ", ".join(map(str, contents["names"][:9]))
