"""One run of a filter: read, process and write records, count failures, set the exit status."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from emocli import pipeline, records
from emocli.errors import EmocliError, EmptyInputError, ExitStatus, UsageError, worst
from emocli.io import foretelling
from emocli.io.formats import Format, JsonLines
from emocli.io.inputs import Source
from emocli.io.standard_streams import StandardStreams
from emocli.io.writing import is_special, place, whole_file
from emocli.pipeline import ahead, journal, journal_lines, live, parts, resuming, stopping
from emocli.pipeline.progress import Progress
from emocli.pipeline.stopping import Terminated
from emocli.pipeline.windows import Window
from emocli.records import failures

NOTHING = "no input records (--allow-empty accepts that)"


@dataclass(frozen=True)
class Rules:
    """Where a run writes and in which format, and how it treats failures.

    `config` returns a digest of what decides the result beside the records, for the resume key;
    `limit` is the number of failures, and their share of the records, after which the run stops.
    """

    name: str
    streams: StandardStreams
    config: Callable[[], bytes]
    output: Path | None = None
    resume: bool = False
    quiet: bool = False
    exit_zero: bool = False
    allow_empty: bool = False
    limit: tuple[float, float] = (float("inf"), 1.0)
    form: Format = field(default_factory=JsonLines)


@runtime_checkable
class Picture(Protocol):
    """What draws records one by one, and knows of the beginning and the end."""

    def begin(self, expected: Callable[[], int | None]) -> None:
        """Learn how many records are to come, as far as it can be foretold."""

    def end(self) -> None:
        """Draw what follows the last record."""


class Execution:
    """The run of a stage over a source, up to the exit status."""

    def __init__(
        self,
        rules: Rules,
        source: Source,
        show: Callable[[dict[str, Any]], bool] | None = None,
        *,
        reads: bool = True,  # the output is made of the records of the source, one by one
    ) -> None:
        self.rules, self.source, self.show, self.reads = rules, source, show, reads
        expected = foretelling.records_of(source)
        if isinstance(show, Picture):
            show.begin(expected)
        self.progress = Progress(rules.streams.stderr, rules.name, expected, quiet=rules.quiet)
        if source.say:
            source.say = self.progress.warn  # above the bar
        self.progress.resumed = rules.resume
        self.status: int = ExitStatus.OK
        self.stopped = False
        self.recording: Any = None  # the path, where the format has place for one
        self.told = False  # that there is a second

    def go(self, stage: pipeline.Stage, window: Window) -> int:
        """Run, and return the exit status; the summary is always printed."""
        ending = ""
        live.note(live.READING)
        stage = pipeline.windowed(stage, window)
        output = place(self.rules.output)
        is_file = output is not None and not is_special(output)
        if self.rules.resume and not is_file:
            name = self.rules.output or "-"
            raise UsageError(f"--resume needs a regular file, not --output {name}")
        try:
            with stopping.final_message(self.progress.summary):
                if output is not None and is_file and self.reads:
                    self._to_file(output, stage, window)
                else:
                    with whole_file(output, self.rules.streams.stdout) as stream:
                        self._to_stream(stage, stream, batches=0 < window.work < float("inf"))
                        if is_file:
                            self._unfinished()
        except (KeyboardInterrupt, Terminated) as stop:
            ending = ", interrupted" if isinstance(stop, KeyboardInterrupt) else ", terminated"
            raise
        except BrokenPipeError:
            self.progress.quiet = True  # the reader closed the pipe: nothing to report
            raise
        finally:
            self.progress.summary(ending or stopping.ending())
        return self._final()

    def _unfinished(self) -> None:
        """Raise the error that left the output incomplete, if any: the earlier file then stays."""
        if self.source.problem:
            raise self.source.problem
        if self.stopped:
            raise EmocliError(f"stopped after {self.progress.failed} failures")
        if not self.progress.done and not self.rules.allow_empty:
            raise EmptyInputError(NOTHING)

    def _to_stream(self, stage: pipeline.Stage, stream: BinaryIO, *, batches: bool) -> None:
        outcomes, form = stage(self._records(batches)), self.rules.form
        above = self.progress.above if stream.isatty() else contextlib.nullcontext
        head = form.header()
        for record in outcomes:
            for part in parts.of(record):
                self._count(part)
                with above():
                    if self.show is None or not self.show(part):
                        stopping.write(stream, head + form.row(part))
                        head = b""
            if self.stopped:
                _close(outcomes)
                break
        if self.progress.done or self.rules.allow_empty:
            stopping.write(stream, head + form.footer())
        if isinstance(self.show, Picture):
            with above():
                self.show.end()

    def _records(self, batches: bool) -> Iterator[dict[str, Any]]:
        """Return the records of the source; a pipe is read ahead for a stage that batches."""
        found = iter(self.source)
        if not foretelling.waits(self.source):
            return found
        return ahead.Ahead(found) if batches else live.awaited(found)

    def _to_file(self, output: Path, stage: pipeline.Stage, window: Window) -> None:
        rules = self.rules
        with journal.Journal(output, resume=rules.resume, form=rules.form) as target:
            if target.discarded:
                self.progress.warn(target.discarded)
            self._into(target, stage, window)

    def _into(self, target: journal.Journal, stage: pipeline.Stage, window: Window) -> None:
        items, config = iter(self.source), self.rules.config()
        for record, line in resuming.through(items, stage, target, config, window):
            target.write(line)
            if record is None:
                self._count_kept(journal_lines.count(line))
            for part in parts.of(record) if record else ():
                self._count(part)
            if self.stopped:
                return
        if self.source.problem is None and self.progress.done + self.rules.allow_empty:
            target.finish()

    def _count_kept(self, count: int) -> None:
        """Count the records of an earlier run, which did not fail."""
        stopping.check()
        self.progress.kept += count
        for _ in range(count):
            self.progress.step(failed=False)

    def _count(self, record: dict[str, Any]) -> None:
        """Count a record, warn of its failures, and note whether there are too many of them."""
        stopping.check()
        self._check_recording(record)
        problems = failures.of(record)
        self.progress.step(failed=bool(problems), record=record)
        error = record.get("error")
        reported = error["message"] if isinstance(error, failures.Failure) else ""
        for problem in problems:
            if problem is error or problem["message"] not in reported:
                self._warn(record, problem)
        max_failed, max_share = self.rules.limit
        total = self.source.total()
        self.stopped = self.progress.failed > max_failed or (
            total is not None and self.progress.failed > max_share * total
        )

    def _check_recording(self, record: dict[str, Any]) -> None:
        """Warn, once, of a second recording where the format has place for one."""
        path, form = record.get("path"), self.rules.form
        if not form.one_recording or path is None or self.told:
            return
        if self.recording not in (None, path):
            name = records.name_of(record)
            self.progress.warn(
                f"{name}: left out: a second recording, for which {form.name} has no place"
            )
            self.told = True
        self.recording = path

    def _warn(self, record: dict[str, Any], failure: failures.Failure) -> None:
        hint = f" ({failure['hint']})" if failure["hint"] else ""
        name = records.name_of(record)
        message = failure["message"].removesuffix(f": {name}")  # the path, if that is the id
        self.progress.warn(f"{name}: {message}{hint}")
        if failure["code"] == "out_of_memory":
            self.status = worst(self.status, ExitStatus.MEMORY)

    def _final(self) -> int:
        failed, done = self.progress.failed, self.progress.done
        if left := getattr(self.rules.form, "left_out", 0):
            what = f"{left} record{'s' * (left != 1)} without words at a known time"
            self.progress.warn(f"{what}: left out, {self.rules.form.name} has no place for them")
        if failed and (self.stopped or not self.rules.exit_zero):
            self.status = worst(self.status, ExitStatus.FAILED)
        if self.stopped:
            self.progress.warn(f"stopped after {failed} failures")
        problem: EmocliError | None = self.source.problem
        if problem is not None:
            self.progress.warn(str(problem))
            self.status = worst(self.status, problem.status)
        elif not done and not self.rules.allow_empty:
            self.progress.warn(NOTHING)
            self.status = worst(self.status, ExitStatus.EMPTY)
        return int(self.status)


def _close(outcomes: Iterator[dict[str, Any]]) -> None:
    close = getattr(outcomes, "close", None)
    if close:
        close()
