"""What `score` keeps of a stream: label indices and probabilities, not records."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

from emocli.errors import UsageError
from emocli.labels import EMOTIONS, canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Record = dict[str, Any]

SUM_TOLERANCE = 0.01  # probabilities that miss 1 by more are not used: our choice


def field(record: Record, name: str) -> Any:
    """Return a field, "a.b" inside another, or None."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


class Columns:
    """Columns of numbers that grow by a record at a time.

    About 80 bytes a record with seven labels, and 100 to know its id again.

    `by` groups the records by a field; `cluster` names the fields to resample by, the first that a
    record has: a record that has none is a cluster of its own.
    """

    def __init__(self, stream: str | None, by: str | None, cluster: tuple[str, ...]) -> None:
        self.stream, self.by, self.cluster = stream, by, cluster
        self.records: Counter[int] = Counter()  # by group
        self.skipped: Counter[tuple[int, str]] = Counter()  # by group and reason
        self.groups: dict[Any, int] = {}
        self.words: dict[str, int] = {}
        self.layouts: dict[tuple[str, ...], int] = {(): 0}  # names of a record's probabilities
        self.kinds: list[str] = [*cluster, "record"]
        self._ids: set[int] = set()
        self._clusters: dict[tuple[int, Any], int] = {}
        self.truth, self.predicted, self.layout = array("i"), array("i"), array("i")
        self.group, self.clustered, self.kind = array("i"), array("i"), array("b")
        self.values = array("d")
        self.given: set[str] = set()  # the labels that predictions can give, after `resolve`

    def add(self, record: Record) -> None:
        """Take what is needed of a record, or count why it cannot be scored."""
        self._check_id(record.get("id"))
        value = field(record, self.by) if self.by else None
        value = value if isinstance(value, str | int | float | None) else str(value)
        group = self.groups.setdefault(value, len(self.groups))
        self.records[group] += 1
        label = record.get("label")
        truth = label.get("emotion") if type(label) is dict else None
        prediction = record.get("prediction") if not self.stream else self._of_stream(record)
        given = prediction.get("emotion") if type(prediction) is dict else None
        if type(truth) is not str or type(given) is not str or "error" in record:
            self.skipped[group, _reason(record, truth, prediction)] += 1
            return
        self.truth.append(self.words.setdefault(truth, len(self.words)))
        self.predicted.append(self.words.setdefault(given, len(self.words)))
        self.group.append(group)
        self._add_cluster(record)
        self._add_probabilities(prediction.get("probabilities") if prediction else None)

    def _of_stream(self, record: Record) -> Any:
        unimodal = record.get("unimodal")
        return unimodal.get(self.stream) if type(unimodal) is dict else None

    def _check_id(self, name: Any) -> None:
        if name is None:
            return
        key = hash(name if type(name) is str else repr(name))
        if key in self._ids:
            raise UsageError(
                f"two records have the id {name!r}", hint="a record must not count twice"
            )
        self._ids.add(key)

    def _add_cluster(self, record: Record) -> None:
        for kind, name in enumerate(self.cluster):
            value = record.get(name) if "." not in name else field(record, name)
            if value is not None:
                value = value if type(value) in (str, int) else str(value)
                number = self._clusters.setdefault((kind, value), len(self._clusters))
                break
        else:
            kind, number = len(self.cluster), -1 - len(self.clustered)
        self.kind.append(kind)
        self.clustered.append(number)

    def _add_probabilities(self, probabilities: Any) -> None:
        names: tuple[str, ...] = ()
        if type(probabilities) is dict and probabilities:
            try:
                self.values.extend(array("d", probabilities.values()))
                names = tuple(probabilities)
            except TypeError:  # not all are numbers
                pass
        self.layout.append(self.layouts.setdefault(names, len(self.layouts)))

    def resolve(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the labels, in their order, and the index of each word among them, or -1.

        A word that truth and predictions both use stays. One that only one side uses is read as
        one of the seven ("calm" in the truth is neutral to a model of seven labels). A true word
        that is then neither one of the seven nor any prediction's is -1: unknown.
        """
        import numpy as np

        words = list(self.words)
        for name in (name for names in self.layouts for name in names):
            if name not in self.words:
                words.append(name)
                self.words[name] = len(words) - 1
        true = {words[i] for i in np.unique(self.truth)}
        given = {words[i] for i in np.unique(self.predicted)}
        given.update(name for names in self.layouts for name in names)
        read = {w: w if w in true and w in given else canonical(w) or w for w in words}
        self.given = {read[word] for word in given}
        known = {*EMOTIONS, *self.given}
        labels = sorted({read[w] for w in words} & known, key=_rank)
        index = {label: i for i, label in enumerate(labels)}
        return labels, np.array([index.get(read[word], -1) for word in words], np.int64)

    def matrix(self, indices: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
        """Return the probabilities (records, classes); NaN where a record has none to use."""
        import numpy as np

        values, layout = np.asarray(self.values), np.asarray(self.layout)
        lengths = np.array([len(names) for names in self.layouts])
        starts = np.cumsum(lengths[layout]) - lengths[layout]
        result = np.zeros((len(layout), classes))
        for names, number in self.layouts.items():
            rows = np.flatnonzero(layout == number)
            for offset, name in enumerate(names):
                result[rows, indices[self.words[name]]] += values[starts[rows] + offset]
        bad = ~(np.abs(result.sum(1) - 1) <= SUM_TOLERANCE) | (result < 0).any(1)
        result[bad] = np.nan
        return result


def _reason(record: Record, truth: Any, prediction: Any) -> str:
    if "error" in record:
        return "error"
    if type(truth) is not str:
        return "no_label"
    if type(prediction) is dict and prediction and prediction.get("emotion", "") is None:
        return "abstained"
    return "no_prediction"


def _rank(label: str) -> tuple[int, str]:
    return (EMOTIONS.index(label) if label in EMOTIONS else len(EMOTIONS), label)
