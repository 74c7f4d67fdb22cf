"""What a filter is given: the flags all of them have, and the run that these describe."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TextIO

import click

from emocli import pipeline
from emocli.cli.flags import COMMON, GROUPS, INDIFFERENT, READING, Inputs
from emocli.errors import UsageError
from emocli.io import inputs
from emocli.pipeline.windows import Window
from emocli.records import failures


@dataclass
class World:
    """The outside: the three streams. Tests bring their own."""

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: TextIO


def filter(*groups: str, reads: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the flags of every filter; it receives a Run as `run`.

    `groups` adds "jobs", "store" and "device" flags, which arrive in the Run as well. A command
    that makes records out of something else (`reads=False`) has no input and ends in `run.write`.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        shared = {**(READING if reads else {}), **COMMON}
        for group in groups:
            shared |= GROUPS[group]
        signature = inspect.signature(function, eval_str=True)
        own = [p for name, p in signature.parameters.items() if name != "run"]

        @functools.wraps(function)
        def command(inputs: list[str] | None = None, **flags: Any) -> int:
            run = Run(
                name=click.get_current_context().info_name or function.__module__,
                world=click.get_current_context().find_object(World) or streams(),
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


def streams() -> World:
    """Return the process's own streams."""
    return World(sys.stdin.buffer, sys.stdout.buffer, sys.stderr)


@dataclass
class Run:
    """One run of a filter: its input, its flags, and what becomes of the records."""

    name: str
    world: World
    arguments: list[str]
    flags: dict[str, Any]
    own: dict[str, Any] = field(default_factory=dict)
    text: str | None = None
    turns: int = 0  # before a record, which its command wants to know

    @property
    def jobs(self) -> int:
        """Worker processes."""
        return self.flags.get("jobs") or len(os.sched_getaffinity(0))

    @property
    def store(self) -> Any:
        """The feature store."""
        from emocli.io.store import Store

        return Store(self.flags.get("store"))

    def batch_size(self, automatic: int) -> int:
        """Return --batch-size, or what the command finds best."""
        value = self.flags["batch_size"]
        if value == "auto":
            return automatic
        if not value.isdigit() or int(value) < 1:
            raise UsageError(f"--batch-size {value}: neither auto nor a number from 1")
        return int(value)

    def source(self) -> inputs.Source:
        """Return the input; a terminal without arguments is a usage error, never a wait."""
        flags = self.flags
        if flags["input_format"] not in inputs.FORMATS:
            raise UsageError(
                f"--input-format {flags['input_format']}: none of {', '.join(inputs.FORMATS)}"
            )
        arguments = self.arguments
        if not arguments and flags["files_from"] is None and self.text is None:
            if self.world.stdin.isatty():
                raise UsageError(
                    "no input: name files, or pipe records or paths into stdin",
                    hint=f"emocli {self.name} --help",
                )
            arguments = ["-"]
        return inputs.Source(
            inputs.named(arguments),
            self.world.stdin,
            files_from=flags["files_from"],
            null=flags["null"],
            input_format=flags["input_format"],
            text=self.text,
            shard=inputs.shard(flags["shard"]),
            turns=self.turns,
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
        show: Callable[[dict[str, Any]], bool] | None = None,
    ) -> int:
        """Send every record through the stage and write it; return the exit status.

        `window` is how many records the stage may batch together, one if it is not given;
        `show` may draw a record on the terminal instead, and says whether it did.
        """
        from emocli.pipeline.execution import Execution

        if self.flags["resume"] and not (one_to_one and self.flags["output"]):
            raise UsageError("--resume needs --output, and a command that writes what it reads")
        failures.debug(self.flags["debug"])
        source = self.source()
        source.marks = True
        return Execution(self, source, show, reads=one_to_one).go(stage, window or Window())

    def write(self, values: Iterable[dict[str, Any]]) -> int:
        """Write records that were not read from the input; return the exit status."""
        from emocli.pipeline.execution import Execution

        if self.flags["resume"]:
            raise UsageError(f"--resume: {self.name} has no input to resume")
        source = inputs.Source([], self.world.stdin)
        return Execution(self, source, reads=False).go(lambda _nothing: iter(values), Window())

    def limit(self) -> tuple[float, float]:
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
