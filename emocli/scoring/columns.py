"""What `score` keeps of every record: its id, why it is not scored, its groups and its cluster."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from emocli import records
from emocli.errors import RecordError, UsageError
from emocli.records import Record
from emocli.scoring.leakage import Shared

Take = Callable[[Record, Any, Any], str | None]  # a record, its label, its prediction

SKIPPED = ("error", "no_label", "abstained")  # said and counted, but no fault of the stream
TOLD = 5  # faults that are named on stderr, the first ones


def field(record: Record, name: str) -> Any:
    """Return a field, "a.b" inside another, or None."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def unscored(record: Record, label: Any, prediction: Any, target: str) -> str:
    """Return why a record has nothing to score; RecordError where only the prediction lacks."""
    if "error" in record:
        return "error"
    if type(label) is not dict or label.get(target) is None:
        return "no_label"
    if type(prediction) is dict and prediction and prediction.get("emotion", "") is None:
        return "abstained"
    raise RecordError("no_prediction", "there is a label, but no prediction")


class Columns:
    """Columns of what all tasks need, which grow by a record at a time.

    `take` is the task's: it keeps its own columns of a record, or returns why it cannot, or raises
    RecordError. `keys` are what the records are grouped by, `cluster` the fields to resample by,
    the first that a record has: a record that has none is a cluster of its own.
    About 70 bytes a record, and its id.
    """

    def __init__(
        self, take: Take, stream: str | None, keys: dict[str, Callable[[Record], Any]],
        cluster: tuple[str, ...], shared: Shared
    ) -> None:  # fmt: skip
        self._take, self._stream, self._keys, self._shared = take, stream, keys, shared
        self.ids: list[Any] = []
        self.unscored: dict[int, str] = {}  # why, by the record's place
        self.faults: list[str] = []  # the first of them, in words
        self.groups: dict[str, dict[Any, int]] = {name: {} for name in keys}
        self.group = {name: array("i") for name in keys}
        self.cluster = cluster
        self.clustered = array("i")
        self.kind = array("b")  # of each cluster: which of the fields, or none
        self._clusters: dict[tuple[int, Any], int] = {}
        # Nearly every record has the first field, as a text, and a dot in its name is rare.
        self._first = cluster[0] if cluster and "." not in cluster[0] else ""
        self._usual: dict[str, int] = {}

    def extend(self, records: Iterable[Record]) -> None:
        """Take what is needed of every record; UsageError where an id comes twice."""
        for record in records:
            self.add(record)
        self._check_ids()

    def add(self, record: Record) -> None:
        """Take what is needed of a record, or count why it cannot be scored."""
        get = record.get
        prediction = get("prediction") if self._stream is None else self._of_stream(record)
        try:
            reason = self._take(record, get("label"), prediction)
        except RecordError as problem:
            reason = problem.code
            self.tell(records.name_of(record), problem.message)
        if reason is not None:
            self.unscored[len(self.ids)] = reason
        self.ids.append(get("id"))
        first = get(self._first)
        number = self._usual.get(first) if type(first) is str else None
        self.clustered.append(self._cluster_of(record) if number is None else number)
        if self._keys:
            self._group(record)
        if "split" in record or self._shared.from_file:
            self._shared.add(record)

    def _group(self, record: Record) -> None:
        for name, key in self._keys.items():
            value, groups = key(record), self.groups[name]
            value = value if isinstance(value, str | int | float | None) else str(value)
            self.group[name].append(groups.setdefault(value, len(groups)))

    def tell(self, name: str, message: str) -> None:
        """Keep what is wrong with a record, if it is one of the first."""
        if len(self.faults) < TOLD:
            self.faults.append(f"{name}: {message}")

    def fail(self, place: int, code: str, message: str) -> None:
        """Refuse a record that was taken, by its place in the input."""
        self.unscored[place] = code
        self.tell(self.name(place), message)

    def name(self, place: int) -> str:
        """Return what messages call a record."""
        return records.name_of({"id": self.ids[place]})

    def _check_ids(self) -> None:
        try:
            if len(set(self.ids)) == len(self.ids):
                return
        except TypeError:  # not all can be members of a set
            pass
        names = [name for name in self.ids if type(name) is str]
        names += [repr(name) for name in self.ids if type(name) is not str and name is not None]
        if len(set(names)) < len(names):
            twice, _ = Counter(names).most_common(1)[0]
            raise UsageError(
                f"two records have the id {twice!r}", hint="a record must not count twice"
            )

    def _of_stream(self, record: Record) -> Any:
        unimodal = record.get("unimodal")
        return unimodal.get(self._stream) if type(unimodal) is dict else None

    def _cluster_of(self, record: Record) -> int:
        """Return the number of a record's cluster, which may be a new one."""
        fields = ((kind, field(record, name)) for kind, name in enumerate(self.cluster))
        kind, value = next((pair for pair in fields if pair[1] is not None), (-1, None))
        if value is None:  # no original has a number for a name
            kind, value = len(self.cluster), _original(record) or -len(self.ids)
        value = value if type(value) is str or type(value) is int else str(value)
        number = self._clusters.setdefault((kind, value), len(self._clusters))
        if number == len(self.kind):
            self.kind.append(kind)
            if kind == 0 and type(value) is str:
                self._usual[value] = number
        return number


def _original(record: Record) -> str | None:
    """Return the id of what `augment` copied: the copies of a record belong together."""
    if "condition" not in record:
        return None
    source = field(record, "augmented.from")
    return str(source[0]) if type(source) is list and source else None
