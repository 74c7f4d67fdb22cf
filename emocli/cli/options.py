"""The flags that all filters have, and the run that they describe."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from emocli import pipeline, records
from emocli.cli.flags import COMMON, GROUPS, INDIFFERENT, READING, Inputs
from emocli.errors import UsageError
from emocli.io import inputs
from emocli.io.standard_streams import StandardStreams, of_process
from emocli.io.store import Store
from emocli.pipeline import stopping
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record, failures

if TYPE_CHECKING:
    from emocli.pipeline.execution import Rules


def filter(*groups: str, reads: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the flags of every filter; it receives a Run as `run`.

    `groups` adds "jobs", "store" and "device" flags, which arrive in `run.context`. A command that
    makes records out of something else (`reads=False`) has no input and ends in `run.write`.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        shared = {**(READING if reads else {}), **COMMON}
        for group in groups:
            shared |= GROUPS[group]
        signature = inspect.signature(function, eval_str=True)
        own = [p for name, p in signature.parameters.items() if name != "run"]

        @functools.wraps(function)
        def command(inputs: list[str] | None = None, **flags: Any) -> int:
            context = click.get_current_context()
            run = Run(
                name=_name(context),
                streams=standard_streams(),
                arguments=list(inputs or []),
                text=flags.get("text"),
                flags={name: flags[name] for name in shared},
                own={p.name: flags[p.name] for p in own},
            )
            return function(run=run, **run.own)

        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [p.replace(kind=keyword) for p in own]
        if reads:
            first = inspect.Parameter("inputs", keyword, annotation=Inputs, default=None)
            parameters.insert(0, first)
        parameters += [
            inspect.Parameter(name, keyword, annotation=annotation, default=default)
            for name, (annotation, default) in shared.items()
        ]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def standard_streams() -> StandardStreams:
    """Return the standard streams of the command line that runs: the process's, or a test's."""
    return click.get_current_context().find_object(StandardStreams) or of_process()


def _name(context: click.Context) -> str:
    """Return what messages call a command: "encode", "augment dime"."""
    return " ".join(context.command_path.split()[1:])


@dataclass
class Run:
    """One run of a filter: its input, its flags, and what becomes of the records."""

    name: str
    streams: StandardStreams
    arguments: list[str]
    flags: dict[str, Any]
    own: dict[str, Any] = field(default_factory=dict)
    text: str | None = None

    @functools.cached_property
    def context(self) -> Context:
        """What stages need of the outside."""
        get = self.flags.get
        return Context(
            store=Store(get("store")),
            device=get("device", "auto"),
            dtype=get("dtype", "auto"),
            batch_size=_batch_size(get("batch_size", "auto")),
            jobs=get("jobs", 1) or len(os.sched_getaffinity(0)),
            offline=get("offline", False),
            stderr=self.streams.stderr,
            quiet=self.flags["quiet"],
        )

    def say(self, text: str) -> None:
        """Tell a person, in the name of the command."""
        self.context.say(self.name, text)

    def source(self, *, turns: int = 0) -> inputs.Source:
        """Return the input; a terminal without arguments is a usage error, never a wait.

        `turns` is how many turns before it a record of a dialogue gets as `context`.
        """
        flags = self.flags
        if flags["input_format"] not in inputs.FORMATS:
            raise UsageError(
                f"--input-format {flags['input_format']}: none of {', '.join(inputs.FORMATS)}"
            )
        arguments = self.arguments
        if not arguments and flags["files_from"] is None and self.text is None:
            if self.streams.stdin.isatty():
                raise UsageError(
                    "no input: name files, or pipe records or paths into stdin",
                    hint=f"emocli {self.name} --help",
                )
            arguments = ["-"]
        return inputs.Source(
            inputs.named(arguments),
            self.streams.stdin,
            files_from=flags["files_from"],
            null=flags["null"],
            input_format=flags["input_format"],
            text=self.text,
            shard=inputs.shard(flags["shard"]),
            turns=turns,
        )

    def config(self) -> bytes:
        """Return a digest of what decides the result, for the resume key."""
        from importlib.metadata import version

        kept = {**self.flags, **self.own}
        kept = {k: str(v) for k, v in sorted(kept.items()) if k not in INDIFFERENT}
        text = repr((version("emocli"), self.name, kept))
        return hashlib.blake2b(text.encode(), digest_size=32).digest()

    def through(
        self,
        stage: pipeline.Stage,
        *,
        window: Window | None = None,
        one_to_one: bool = True,
        show: Callable[[Record], bool] | None = None,
        turns: int = 0,
    ) -> int:
        """Send every record through the stage and write it; return the exit status.

        `window` is how many records the stage may batch together, one if it is not given;
        `show` may draw a record on the terminal instead, and says whether it did; `turns` is how
        many turns before it a record gets as `context`.
        """
        from emocli.pipeline.execution import Execution

        if self.flags["resume"] and not (one_to_one and self.flags["output"]):
            raise UsageError("--resume needs --output, and a command that writes what it reads")
        source = self.marking_source(turns=turns)
        return Execution(self._rules(), source, show, reads=one_to_one).go(
            stage, window or Window()
        )

    def without_output(self) -> Run:
        """Return the same run for a command that writes its --output itself."""
        return replace(self, flags={**self.flags, "output": None})

    def marking_source(self, *, turns: int = 0) -> inputs.Source:
        """Return the input of a filter: a file that cannot be opened is a record that failed."""
        failures.debug(self.flags["debug"])
        source = self.source(turns=turns)
        source.marks = True
        return source

    def write(self, values: Iterable[Record]) -> int:
        """Write records that were not read from the input; return the exit status."""
        from emocli.pipeline.execution import Execution

        if self.flags["resume"]:
            raise UsageError(f"--resume: {self.name} has no input to resume")
        source = inputs.Source([], self.streams.stdin)
        execution = Execution(self._rules(), source, reads=False)
        return execution.go(lambda _nothing: iter(values), Window())

    def emit(self, values: Iterable[Record]) -> None:
        """Write to stdout what a command tells beside its --output, which is no file of records."""
        for record in values:
            stopping.write(self.streams.stdout, records.dumps(record))

    def _rules(self) -> Rules:
        from emocli.pipeline.execution import Rules

        return Rules(
            name=self.name,
            streams=self.streams,
            config=self.config(),
            output=self.flags["output"],
            resume=self.flags["resume"],
            quiet=self.flags["quiet"],
            exit_zero=self.flags["exit_zero"],
            allow_empty=self.flags["allow_empty"],
            limit=self._limit(),
        )

    def _limit(self) -> tuple[float, float]:
        """Return how many failures, and what share of the records, the run tolerates."""
        if self.flags["fail_fast"]:
            return 0.0, 1.0
        spec = self.flags["max_errors"]
        if spec is None:
            return float("inf"), 1.0
        try:
            if spec.endswith("%"):
                return float("inf"), float(spec[:-1]) / 100
            return float(int(spec)), 1.0
        except ValueError:
            raise UsageError(f"--max-errors {spec}: neither a number nor a share like 5%") from None


def _batch_size(value: str) -> int | None:
    """Return a number of records, None for "auto"."""
    if value == "auto":
        return None
    if not value.isdigit() or int(value) < 1:
        raise UsageError(f"--batch-size {value}: neither auto nor a number from 1")
    return int(value)
