"""One run of `score`: read everything, score it, say on stderr what a reader has to know."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from emocli import records
from emocli.cli import options
from emocli.errors import EmocliError, EmptyInputError, ExitStatus, UsageError
from emocli.io import inputs
from emocli.records import Record
from emocli.scoring import groups as grouping
from emocli.scoring import tasks
from emocli.scoring.columns import Columns, field
from emocli.scoring.leakage import Shared, said

Limit = tuple[str, str, float]  # the flag, the figure, the value

FEW_CLUSTERS = 10  # below this, percentile intervals are known to be too narrow
PEEK = 256  # records that tell the task, where no --task does
PER_CLASS = "per_class."


def plan(own: Record) -> tuple[tasks.Task | None, list[Limit]]:
    """Return the task, None for auto, and the limits; UsageError for what makes no sense."""
    chosen = tasks.named(own["task"])
    some = [chosen] if chosen else list(tasks.TASKS.values())
    names = list(dict.fromkeys(name for task in some for name in task.names))
    specs = [("min", s) for s in own["minimum"] or ()] + [("max", s) for s in own["maximum"] or ()]
    return chosen, [_limit(flag, spec, names) for flag, spec in specs]


def _limit(flag: str, spec: str, names: list[str]) -> Limit:
    """Return (flag, figure, value) of "uar=0.6" or "per_class.fear.recall=0.3"."""
    name, _, value = spec.partition("=")
    check_name(flag, name, names)
    try:
        return flag, name, float(value)
    except ValueError:
        raise UsageError(f"--{flag} {spec}: not like {name}=0.6") from None


def check_name(flag: str, name: str, names: list[str] | tuple[str, ...]) -> None:
    """Raise UsageError where there is no such figure."""
    if name not in names and not name.startswith(PER_CLASS):
        raise UsageError(f"--{flag} {name}: no metric '{name}'", hint=", ".join(names))


def missed(row: Record, flag: str, name: str, limit: float) -> str | None:
    """Return what to say when a metric misses its threshold; an undefined one always does."""
    value = field(row, name)
    if value is not None and (value >= limit if flag == "min" else value <= limit):
        return None
    place = f" ({', '.join(f'{k} {v}' for k, v in row['by'].items())})" if "by" in row else ""
    shown = "undefined" if value is None else f"{value:.4f}"
    return f"{name}{place} is {shown}, --{flag} is {limit:g}"


class Work:
    """What a run of `score` does: rows, the task they are of, and an exit status."""

    def __init__(self, run: options.Run, task: tasks.Task | None) -> None:
        self.run, self.own = run, run.own
        self.status: int = ExitStatus.OK
        self.groups = grouping.given(self.own["by"])
        self._task = task

    @property
    def task(self) -> tasks.Task:
        """The task, once the input is read."""
        assert self._task is not None
        return self._task

    def say(self, message: str) -> None:
        """Tell a person."""
        self.run.world.stderr.write(f"emocli score: {message}\n")

    def rows(self) -> list[Record]:
        """Read the whole input and return a metrics record per group."""
        source = self.run.source()
        stream = (record for _, record in source)
        first = list(itertools.islice(stream, PEEK))
        if self._task is None:
            self._task = tasks.found(first, self.own["stream"])
        for flag in ("min", "max"):
            for spec in self.own[f"{flag}imum"] or ():
                check_name(flag, spec.partition("=")[0], self.task.names)
        kept, shared = self.task.columns(), Shared(self._training())
        columns = self._columns(kept, shared, itertools.chain(first, stream))
        if source.problem is not None:
            raise source.problem
        if not columns.ids:
            return []
        return self._scored(kept, columns, shared)

    def _columns(self, kept: tasks.Columns, shared: Shared, stream: Iterator[Record]) -> Columns:
        asked = self.own["cluster"]
        cluster = self.task.cluster if asked is None else () if asked == "none" else (asked,)
        columns = Columns(kept.take, self.own["stream"], self.groups, cluster, shared)
        for record in stream:
            columns.add(record)
        columns.check_ids()
        return columns

    def _training(self) -> Iterator[Record] | None:
        name = self.own["train"]
        return self._file(name) if name else None

    def _file(self, name: str) -> Iterator[Record]:
        with inputs.required(name, self.run.world.stdin) as stream:
            for _, record in records.read(stream, name):
                yield record

    def _scored(self, kept: tasks.Columns, columns: Columns, shared: Shared) -> list[Record]:
        from emocli.scoring.rows import rows
        from emocli.scoring.samples import Table

        other, first = None, len(columns.ids) - len(columns.unscored)
        if name := self.own["compare"]:
            self.groups, own = {}, self.groups
            other = self._columns(kept, Shared(), self._file(name))
            self.groups = own
        frame = kept.frame(self.own)
        table = Table(columns, frame)
        peer = Table(other, frame, first) if other else None
        counts = table.counts(table.row == table.row)
        self._faults(columns, counts["failed"])
        self._check_scored(counts)
        found = list(rows(table, self.task, self.groups, self.own, peer))
        self._warn(frame, found)
        if peer and other:
            self._faults(other, peer.counts(peer.row == peer.row)["failed"], f"{name}: ")
        for name in self.groups:
            if columns.groups.get(name, {}).keys() == {None}:
                self.say(f"--by {name}: no record has it")
        pairs = shared.found()
        for row in found if pairs is not None else ():
            row["shared"] = {kind: count for kind, (count, _) in (pairs or {}).items()}
        if pairs and (text := said(pairs)):
            self.say(f"training records share {text} with what is scored")
        return found

    def _faults(self, columns: Columns, failed: int, where: str = "") -> None:
        """Name the first wrong records, and count them in the exit status."""
        for text in columns.faults:
            self.say(f"{where}{text}")
        if failed:
            self.say(f"{where}{failed} of {len(columns.ids)} records cannot be scored")
            if not self.run.flags["exit_zero"]:
                self.status = ExitStatus.FAILED

    def _check_scored(self, counts: Record) -> None:
        """Raise EmptyInputError where there is nothing to score; say what was not scored."""
        total, scored, skipped = counts["records"], counts["scored"], counts["skipped"]
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        if not scored:
            stream = self.own["stream"]
            first = f"no record has unimodal.{stream}" if stream else "run emocli predict first"
            hint = first if "no_prediction" in skipped else ""
            wrong = set(skipped) - {"no_prediction", "no_label", "abstained", "error"}
            kind = EmocliError if wrong else EmptyInputError
            raise kind(f"nothing to score in {total} records: {reasons}", hint=hint)
        if skipped:
            self.say(f"scored {scored} of {total} records; skipped {reasons}")

    def _warn(self, frame: tasks.Frame, rows: list[Record]) -> None:
        """Say on stderr how the figures are to be read, and which intervals not to trust."""
        if self.own["task"] == tasks.AUTO and self.task.name != "classification":
            self.say(f"task {self.task.name}, found in labels and predictions (--task)")
        if frame.unheard:
            beyond = ", ".join(frame.unheard)
            self.say(f"no prediction names {beyond}: such records count as wrong")
        bare = max(r["scored"] - r.get("with_probabilities", r["scored"]) for r in rows)
        if bare and any(row.get("with_probabilities") for row in rows):
            self.say(f"{bare} records have no probabilities: figures of these leave them out")
        fewest = min((row["clusters"] for row in rows if row["scored"]), default=FEW_CLUSTERS)
        if self.own["bootstrap"] and fewest < FEW_CLUSTERS:
            many = f"{fewest} cluster{'' if fewest == 1 else 's'}"
            self.say(f"only {many} to resample: intervals are too narrow or undefined")
        asked = self.own["cluster"]
        if asked not in (None, "none") and any(r.get("resampled") != asked for r in rows):
            self.say(f"--cluster {asked}: records without it are resampled one by one")
