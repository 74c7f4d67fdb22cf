"""One run of `score`: read the records, score them, report on stderr."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from emocli.errors import EmocliError, EmptyInputError
from emocli.io import further_files
from emocli.pipeline import live
from emocli.records import Record
from emocli.scoring import groups, limits, tasks
from emocli.scoring.columns import Columns, field
from emocli.scoring.judging import Judge
from emocli.scoring.leakage import KINDS, Shared, presented, summary
from emocli.scoring.options import AUTO, NO_CLUSTER, ScoreOptions
from emocli.scoring.rows import rows
from emocli.scoring.samples import Table

FEW_CLUSTERS = 10  # with fewer, percentile intervals are too narrow
HIGHER = ("corr",)  # compared with a control, where the first figure is better if lower
PEEK = 256  # records that the task is detected from, without --task


@dataclass(frozen=True)
class Collected:
    """The columns kept from the records of an input."""

    task: tasks.Task
    answers: tasks.Columns  # labels and predictions, in the form of the task
    columns: Columns  # the columns of all tasks
    shared: Shared  # with training records


class Work:
    """A run of `score`: `read` the records, then get the metrics records with `rows`.

    `say` reports to a person; `stdin` is read if an option names the file "-". `failed` says
    afterwards whether some records could not be scored.
    """

    def __init__(self, options: ScoreOptions, say: Callable[[str], None], stdin: BinaryIO) -> None:
        self.options, self.say, self.stdin = options, say, stdin
        self.keys = groups.keys(options.by)
        self.failed = False
        self.judge = Judge(options.judge) if options.judge is not None else None

    def read(self, records: Iterable[Record]) -> Collected:
        """Keep the columns of every record; without a task, detect it from the first records."""
        live.note(live.READING)
        options, stream = self.options, iter(records)
        first = list(itertools.islice(stream, PEEK))
        task = tasks.named(options.task) or tasks.detected(first, options.stream)
        limits.check_names(options, task)
        answers = task.columns()
        shared = Shared(self._file(options.train) if options.train else None)
        fields = options.cluster_fields(task.cluster)
        columns = Columns(answers.take, options.stream, self.keys, fields, shared)
        columns.extend(self._judged(itertools.chain(first, stream)))
        return Collected(task, answers, columns, shared)

    def _judged(self, records: Iterable[Record]) -> Iterable[Record]:
        """Return records with the answers of --judge, if there is one."""
        return records if self.judge is None else self.judge.of(records)

    def close(self) -> None:
        """End the command of --judge."""
        if self.judge is not None:
            self.judge.close()

    def _file(self, name: str) -> Iterator[Record]:
        return further_files.read(name, self.stdin)

    def rows(self, collected: Collected) -> list[Record]:
        """Return a metrics record per group; none if no record was read."""
        live.note("scoring")
        if not collected.columns.ids:
            return []
        table, peer = self._tables(collected)
        self._report_faults(table)
        self._check_scored(table.totals())
        metrics = list(rows(table, collected.task, self.keys, self.options, peer))
        self._warn_of_labels(table.frame, collected.task, metrics)
        self._warn_of_intervals(metrics)
        self._warn_of_single(metrics)
        self._warn_of_control(collected.task, metrics)
        self._warn_of_sets(metrics)
        if peer:
            self._report_faults(peer, f"{self.options.compare}: ")
        for name in self.keys:
            if groups.is_absent(collected.columns, self.keys, name):
                self.say(f"--by {name}: no record has it")
        self._report_shared(collected.shared, metrics)
        return metrics

    def _tables(self, collected: Collected) -> tuple[Table, Table | None]:
        """Return the records, and those of the file to compare with, as rows of one frame."""
        options, columns, answers = self.options, collected.columns, collected.answers
        if not options.compare:
            return Table(columns, answers.frame(options)), None
        first = len(columns.ids) - len(columns.unscored)
        others = Columns(answers.take, options.stream, {}, columns.cluster, Shared())
        others.extend(self._judged(self._file(options.compare)))
        frame = answers.frame(options)
        return Table(columns, frame), Table(others, frame, first)

    def _report_faults(self, table: Table, where: str = "") -> None:
        """Report the first invalid records, and the number of them."""
        for text in table.columns.faults:
            self.say(f"{where}{text}")
        if failed := table.totals()["failed"]:
            self.say(f"{where}{failed} of {len(table.columns.ids)} records cannot be scored")
            self.failed = True

    def _check_scored(self, counts: Record) -> None:
        """Raise EmptyInputError if there is nothing to score; report what was not scored."""
        total, scored, skipped = counts["records"], counts["scored"], counts["skipped"]
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        if not scored:
            stream = self.options.stream
            advice = f"no record has unimodal.{stream}" if stream else "run emocli predict first"
            hint = advice if "no_prediction" in skipped else ""
            failures = set(skipped) - {"no_prediction", "no_label", "abstained", "error"}
            kind = EmocliError if failures else EmptyInputError
            raise kind(f"nothing to score in {total} records: {reasons}", hint=hint)
        if skipped:
            self.say(f"scored {scored} of {total} records; skipped {reasons}")

    def _warn_of_labels(self, frame: tasks.Frame, task: tasks.Task, metrics: list[Record]) -> None:
        """Report a detected task, and what predictions lack."""
        if self.options.task == AUTO and task.name != "classification":
            self.say(f"task {task.name}, detected from labels and predictions (--task)")
        if frame.unpredicted:
            labels = ", ".join(frame.unpredicted)
            self.say(f"no prediction names {labels}: such records count as wrong")
        bare = max(r["scored"] - r.get("with_probabilities", r["scored"]) for r in metrics)
        if bare and any(row.get("with_probabilities") for row in metrics):
            self.say(
                f"{bare} records have no probabilities: figures of probabilities leave them out"
            )

    def _warn_of_intervals(self, metrics: list[Record]) -> None:
        """Warn of unreliable intervals, and of records without the field of --cluster."""
        fewest = min((row["clusters"] for row in metrics if row["scored"]), default=FEW_CLUSTERS)
        if self.options.bootstrap and fewest < FEW_CLUSTERS:
            clusters = f"{fewest} cluster{'' if fewest == 1 else 's'}"
            self.say(f"only {clusters} to resample: intervals are too narrow or undefined")
        cluster = self.options.cluster
        if cluster not in (None, NO_CLUSTER) and any(
            row.get("resampled") != cluster for row in metrics
        ):
            self.say(f"--cluster {cluster}: records without it are resampled one by one")

    def _warn_of_single(self, metrics: list[Record]) -> None:
        """Warn of concordance with a single record."""
        rated = [(name, row) for row in metrics for name in row.get("rated", ())]
        single = {n for n, row in rated if row["rated"][n] == 1 and "ccc" in row.get(n, ())}
        if single:
            names = ", ".join(f"{name}.ccc" for name in sorted(single))
            self.say(f"{names} of a single record is undefined: null, or 0 by its formula")

    def _warn_of_control(self, task: tasks.Task, metrics: list[Record]) -> None:
        """Tell where other speakers say as much of the labels as the predictions do."""
        name = next(name for name in (*HIGHER, *task.shown) if name in task.shown)
        row = metrics[0]
        value, reached = field(row, name), field(row, f"control.{name}")
        if "by" not in row and None not in (value, reached) and reached >= value:
            said = f"{row['control']['of']} reaches {name} {reached:.3f} without any signal"
            self.say(f"{said}, the predictions {value:.3f}")

    def _warn_of_sets(self, metrics: list[Record]) -> None:
        """Tell of means over fewer sets than published, and of answers off the list."""
        for name, about in metrics[0].get("averaged", {}).items():
            if len(about["sets"]) < about["of"]:
                listed = ", ".join(about["sets"]) or "none"
                self.say(f"{name} is over {len(about['sets'])} of {about['of']} sets: {listed}")
        strange = {n: s["off_list"] for n, s in metrics[0].get("sets", {}).items() if s["off_list"]}
        if strange:
            listed = ", ".join(f"{count} of {name}" for name, count in strange.items())
            self.say(f"answers outside of the labels of their set count as wrong: {listed}")

    def _report_shared(self, shared: Shared, metrics: list[Record]) -> None:
        """Add the overlap of training and scored records to the metrics, and report it."""
        counts, by_fold = shared.counts(), shared.by_fold()
        told = by_fold | (counts or {})
        for row in metrics if told else ():
            row["shared"] = {kind: count for kind, (count, _) in told.items()}
        if counts and (text := summary({kind: counts[kind] for kind in KINDS})):
            self.say(f"training records share {text} with the scored records")
        if text := presented(told):
            self.say(text)
