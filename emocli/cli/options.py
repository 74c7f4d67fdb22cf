"""The flags shared by all filters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any

import click

from emocli.cli.flags import COMMON, GROUPS, READING, Inputs
from emocli.cli.run import Run as Run
from emocli.io.standard_streams import StandardStreams, of_process


def filter(
    *groups: str, reads: bool = True, without: Collection[str] = ()
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the flags of every filter; it receives a Run as `run`.

    `groups` adds the "jobs", "store" and "device" flags, which arrive in `run.context`. A command
    that does not read records (`reads=False`) has no input flags and ends in `run.write`. Shared
    flags that mean nothing to a command are named in `without`: it refuses them.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        shared = {**(READING if reads else {}), **COMMON}
        for group in groups:
            shared |= GROUPS[group]
        shared = {name: flag for name, flag in shared.items() if name not in without}
        signature = inspect.signature(function, eval_str=True)
        specific = [p for name, p in signature.parameters.items() if name != "run"]

        @functools.wraps(function)
        def command(inputs: list[str] | None = None, **flags: Any) -> int:
            context = click.get_current_context()
            run = Run(
                name=_name(context),
                streams=standard_streams(),
                arguments=list(inputs or []),
                text=flags.get("text"),
                flags={name: flags[name] for name in shared},
                specific={p.name: flags[p.name] for p in specific},
            )
            with run.shown():
                return function(run=run, **run.specific)

        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [p.replace(kind=keyword) for p in specific]
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
    """Return the standard streams of the running command: those of the process, or a test's."""
    return click.get_current_context().find_object(StandardStreams) or of_process()


def _name(context: click.Context) -> str:
    """Return the name of a command in messages: "encode", "augment dime"."""
    return " ".join(context.command_path.split()[1:])
