"""What `score` keeps of every record: id, reason not to score it, groups, cluster."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from emocli import records
from emocli.errors import RecordError
from emocli.io import ids
from emocli.records import Record, label_reading
from emocli.records.problems import failed_before
from emocli.scoring.leakage import Shared
from emocli.scoring.stimuli import Stimuli

Take = Callable[[Record, Any, Any], str | None]  # a record, its label, its prediction

# Reported, but not counted as failures.
SKIPPED = ("error", "no_label", "abstained", "no_set", "other_split", "neutral")
REPORTED = 5  # the number of faults that are named on stderr


def field(record: Record, name: str) -> Any:
    """Return a field of a record, where "a.b" is a field inside another, or None."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def unscored(prediction: Any, is_labelled: bool) -> str:
    """Return why a record has nothing to score.

    RecordError if there is a label, and its prediction is missing or is none.
    """
    if not is_labelled:
        return "no_label"
    given = label_reading.side(prediction, "prediction")
    if label_reading.emotion(given, "prediction") is None and "emotion" in given:
        return "abstained"
    raise RecordError("no_prediction", "there is a label, but no prediction")


class Columns:
    """The columns that all tasks need, which grow by a record at a time.

    `take` is a function of the task that keeps its columns of a record, or returns the reason why
    it cannot, or raises RecordError. `keys` are what records are grouped by. `cluster` are the
    fields to resample by, of which the first that a record has is used; a record without any is a
    cluster of its own. A record takes about 70 bytes, and its id.
    """

    def __init__(
        self, take: Take, stream: str | None, keys: dict[str, Callable[[Record], Any]],
        cluster: tuple[str, ...], shared: Shared
    ) -> None:  # fmt: skip
        self._take, self._stream, self._keys, self._shared = take, stream, keys, shared
        self.ids: list[Any] = []
        self.unscored: dict[int, str] = {}  # the reason, by the record's place
        self.faults: list[str] = []  # messages of the first ones
        self.groups: dict[str, dict[Any, int]] = {name: {} for name in keys}
        self.group = {name: array("i") for name in keys}
        self.cluster = cluster
        self.clustered = array("i")
        self.kind = array("b")  # the index of each cluster's field, or the number of fields
        self.stimuli = Stimuli()
        self._clusters: dict[tuple[int, Any], int] = {}
        # The fast path: nearly all records have the first field, as a string; its name has no dot.
        self._first = cluster[0] if cluster and "." not in cluster[0] else ""
        self._first_clusters: dict[str, int] = {}

    def extend(self, records: Iterable[Record]) -> None:
        """Add all records; raise MalformedError if an id is not unique."""
        for record in records:
            self.add(record)
        self._check_ids()

    def add(self, record: Record) -> None:
        """Keep what is needed of a record, or the reason why it cannot be scored."""
        get = record.get
        prediction = get("prediction") if self._stream is None else self._of_stream(record)
        try:
            if self._keys:
                self._group(record)
            failed_before(record)
            reason = self._take(record, get("label"), prediction)
        except RecordError as problem:
            reason = problem.code
            self.report(records.name_of(record), str(problem))
        if reason is not None:
            self.unscored[len(self.ids)] = reason
        if "stimulus" in record:
            self.stimuli.add(len(self.ids), record)
        self.ids.append(get("id"))
        first = get(self._first)
        number = self._first_clusters.get(first) if type(first) is str else None
        self.clustered.append(self._cluster_of(record) if number is None else number)
        if "split" in record or "fold" in record or self._shared.from_file:
            self._shared.add(record)

    def _group(self, record: Record) -> None:
        """Note the value of each key; RecordError if one cannot be told, after noting all."""
        problem: RecordError | None = None
        for name, key in self._keys.items():
            value, groups = None, self.groups[name]
            try:
                value = key(record)
            except RecordError as error:
                problem = error
            value = value if isinstance(value, str | int | float | None) else str(value)
            self.group[name].append(groups.setdefault(value, len(groups)))
        if problem is not None:
            raise problem

    def report(self, name: str, message: str) -> None:
        """Keep the message of a fault, if it is among the first."""
        if len(self.faults) < REPORTED:
            self.faults.append(f"{name}: {message}")

    def fail(self, place: int, code: str, message: str) -> None:
        """Mark a record as unscored after all, by its place in the input."""
        self.unscored[place] = code
        self.report(self.name(place), message)

    def name(self, place: int) -> str:
        """Return the name of a record in messages."""
        return records.name_of({"id": self.ids[place]})

    def _check_ids(self) -> None:
        try:
            if len(set(self.ids)) == len(self.ids):
                return
        except TypeError:  # some ids cannot be hashed
            pass
        names = {ids.exact(name): name for name in self.ids}
        counts = Counter(ids.exact(name) for name in self.ids if name is not None)
        for key, count in counts.most_common(1):
            if count > 1:
                raise ids.repeated(names[key])

    def _of_stream(self, record: Record) -> Any:
        unimodal = record.get("unimodal")
        return unimodal.get(self._stream) if type(unimodal) is dict else None

    def _cluster_of(self, record: Record) -> int:
        """Return the number of a record's cluster, a new one if necessary."""
        fields = ((kind, field(record, name)) for kind, name in enumerate(self.cluster))
        kind, value = next((pair for pair in fields if pair[1] is not None), (-1, None))
        if value is None:  # negative numbers never clash with ids, which are strings
            kind, value = len(self.cluster), _original(record) or -len(self.ids)
        value = value if type(value) is str or type(value) is int else str(value)
        number = self._clusters.setdefault((kind, value), len(self._clusters))
        if number == len(self.kind):
            self.kind.append(kind)
            if kind == 0 and type(value) is str:
                self._first_clusters[value] = number
        return number


def _original(record: Record) -> str | None:
    """Return the id of the record that `augment` copied: its copies form one cluster."""
    if "condition" not in record:
        return None
    source = field(record, "augmented.from")
    return str(source[0]) if type(source) is list and source else None
