"""One run of a filter: its input, its flags, and where its records go."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from emocli import pipeline, records
from emocli.cli.flags import COMMON, CommonFlags
from emocli.errors import UsageError
from emocli.io import formats, inputs, shards, tables
from emocli.io.formats import Format
from emocli.io.standard_streams import StandardStreams, is_pipe
from emocli.pipeline import stopping
from emocli.pipeline.windows import Window
from emocli.records import Record, failures

if TYPE_CHECKING:
    from emocli.pipeline.context import Context
    from emocli.pipeline.execution import Rules


@dataclass
class Run:
    """One run of a filter: its input, its flags, and where its records go.

    `flags` are the shared flags, `specific` those of this command only.
    """

    name: str
    streams: StandardStreams
    arguments: list[str]
    flags: dict[str, Any]
    specific: dict[str, Any] = field(default_factory=dict)
    text: str | None = None

    @functools.cached_property
    def common(self) -> CommonFlags:
        """The flags that every filter has."""
        return CommonFlags(**{name: self.flags[name] for name in COMMON if name in self.flags})

    @functools.cached_property
    def context(self) -> Context:
        """The settings and streams that stages need."""
        from emocli.io.store import Store
        from emocli.pipeline.context import Context  # not for a help page

        get = self.flags.get
        return Context(
            store=Store(get("store")),
            device=get("device", "auto"),
            dtype=get("dtype", "auto"),
            batch_size=_batch_size(get("batch_size", "auto")),
            jobs=get("jobs", 1) or len(os.sched_getaffinity(0)),
            offline=get("offline", False),
            stderr=self.streams.stderr,
            quiet=self.common.quiet,
        )

    def say(self, text: str) -> None:
        """Write a message to stderr, prefixed with the name of the command."""
        self.context.say(self.name, text)

    def shown(self) -> contextlib.AbstractContextManager[None]:
        """Show on the terminal what is being done, but not where people type the input."""
        from emocli.pipeline import live

        names = [*self.arguments, self.text, self.flags.get("files_from")]
        typed = ("-" in names or not any(names)) and self.streams.stdin.isatty()
        shared = is_pipe(self.streams.stdout)
        if typed and "-" in names and self.streams.stderr.isatty() and not self.common.quiet:
            self.say("reads what is typed, line by line; Ctrl-D ends")
        return live.shown(
            self.streams.stderr, self.name, quiet=self.common.quiet or typed, shared=shared
        )

    def source(self, *, turns: int = 0) -> inputs.Source:
        """Return the input; UsageError where stdin is a terminal and there are no arguments.

        `turns` is the number of preceding turns that a record of a dialogue gets as `context`.
        """
        flags = self.flags
        input_format = flags.get("input_format", "jsonl")
        if input_format not in inputs.FORMATS:
            raise UsageError(
                f"--input-format {input_format}: not one of {', '.join(inputs.FORMATS)}"
            )
        arguments = self.arguments
        if not arguments and flags["files_from"] is None and self.text is None:
            if self.streams.stdin.isatty():
                raise UsageError(
                    "no input: name files, or pipe records or paths into stdin",
                    hint=f"emocli {self.name} --help",
                )
            arguments = ["-"]
        source = inputs.Source(
            inputs.named(arguments),
            self.streams.stdin,
            layout=self.layout(),
            say=None if self.common.quiet else self.say,
            files_from=flags["files_from"],
            null=flags["null"],
            input_format=input_format,
            text=self.text,
            shard=shards.shard(self.common.shard),
            turns=turns,
        )
        source.check()
        return source

    def layout(self) -> tables.Layout:
        """Return what --column and --separator say of tables."""
        return tables.layout(self.flags.get("column"), self.flags.get("separator"))

    def config(self) -> bytes:
        """Return a digest of what decides the result beside the records, for the resume key."""
        from emocli.cli.fingerprint import fingerprint  # reads what the flags name

        return fingerprint(self.name, {**self.flags, **self.specific})

    def through(
        self,
        stage: pipeline.Stage,
        *,
        window: Window | None = None,
        show: Callable[[Record], bool] | None = None,
        turns: int = 0,
        form: Format | None = None,
    ) -> int:
        """Send every record through the stage and write it; return the exit status.

        `window` limits how many records the stage may batch together (default: one). `show` may
        draw a record on the terminal instead of writing it, and returns whether it did. `turns` is
        the number of preceding turns that a record gets as `context`. `form` is what records are
        written as: JSON Lines by default.
        """
        from emocli.pipeline.execution import Execution

        if self.common.resume and not self.common.output:
            raise UsageError("--resume needs --output, the file to continue")
        source = self.marking_source(turns=turns)
        with self._segmented(source, stage) as stage:
            return Execution(self._rules(form), source, show).go(stage, window or Window())

    @contextlib.contextmanager
    def _segmented(self, source: inputs.Source, stage: pipeline.Stage) -> Iterator[pipeline.Stage]:
        """Yield the stage for a source whose long recordings are cut, if the command cuts any."""
        if "segment" not in self.flags:
            yield stage
            return
        from emocli.stages import segment

        way = segment.way(self.flags["segment"], self.flags["segments"])
        cutter = segment.Segmenter(self.context, self.name, way, source.grow)
        source.cut = cutter.cut
        with contextlib.closing(cutter):
            yield pipeline.chain(cutter.bring, stage)

    def without_output(self) -> Run:
        """Return a copy without --output, for a command that writes that file itself."""
        return replace(self, flags={**self.flags, "output": None})

    def marking_source(self, *, turns: int = 0) -> inputs.Source:
        """Return the input of a filter: a file that cannot be opened becomes a failed record."""
        failures.debug(self.common.debug)
        source = self.source(turns=turns)
        source.marks = True
        return source

    def write(self, values: Iterable[Record], form: Format | None = None) -> int:
        """Write records that were not read from the input; return the exit status."""
        from emocli.pipeline.execution import Execution

        source = inputs.Source([], self.streams.stdin)
        execution = Execution(self._rules(form), source, reads=False)
        return execution.go(lambda _nothing: iter(values), Window())

    def emit(self, values: Iterable[Record]) -> None:
        """Write records to stdout for a command whose --output is not a file of records."""
        from emocli.pipeline import live

        for record in values:
            with live.room(self.streams.stderr):
                stopping.write(self.streams.stdout, records.dumps(record))

    def _rules(self, form: Format | None = None) -> Rules:
        from emocli.pipeline.execution import Rules

        return Rules(
            name=self.name,
            streams=self.streams,
            config=self.config,
            output=self.common.output,
            resume=self.common.resume,
            quiet=self.common.quiet,
            exit_zero=self.common.exit_zero,
            allow_empty=self.common.allow_empty,
            limit=self._limit(),
            form=form or formats.JsonLines(),
        )

    def _limit(self) -> tuple[float, float]:
        """Return how many failures the run tolerates, as a number and as a share of the records."""
        if self.common.fail_fast:
            return 0.0, 1.0
        spec = self.common.max_errors
        if spec is None:
            return float("inf"), 1.0
        try:
            if spec.endswith("%"):
                return float("inf"), float(spec[:-1]) / 100
            return float(int(spec)), 1.0
        except ValueError:
            raise UsageError(f"--max-errors {spec}: not a number or a share such as 5%") from None


def _batch_size(value: str) -> int | None:
    """Return the number of records per batch; None for "auto"."""
    if value == "auto":
        return None
    if not value.isdecimal() or len(value) > 6 or int(value) < 1:
        raise UsageError(f"--batch-size {value:.40}: not auto or a number from 1 to 999999")
    return int(value)
