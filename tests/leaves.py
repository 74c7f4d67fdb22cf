"""Every command and subcommand that exists, with arguments that make it end soon."""

from __future__ import annotations

from collections.abc import Iterator
from pkgutil import iter_modules
from typing import Any

import click

from emocli.cli import registry
from emocli.commands import pictures

# What a command needs to end within a second. A required parameter is else given a name of nothing.
NEEDS = {
    "annotate": ["--n", "0"],
    "config show": ["merge"],
    "dataset": ["folder", "."],
    "doctor": ["--help"],  # it imports every library
    "fuse": ["--model", "no-such-model"],
    "models verify": ["no-such-model"],
    "models pull": ["no-such-model", "--offline"],
    "predict": ["--model", "no-such-model"],
    **{f"plot {picture.name}": ["--width", "1"] for picture in iter_modules(pictures.__path__)},
}


def leaves() -> dict[str, click.Command]:
    """Return the commands that do something: `score`, `augment dime`, not `augment`."""
    return dict(_leaves())


def _leaves() -> Iterator[tuple[str, click.Command]]:
    for name in registry.names():
        command = registry.load(name)
        for word, one in getattr(command, "commands", {"": command}).items():
            yield f"{name} {word}".strip(), one


def arguments(name: str, file: str) -> list[str]:
    """Return a command line that reads a file, if the command reads any."""
    command = leaves()[name]
    words = [*name.split(), *NEEDS.get(name, [])]
    if name not in NEEDS:
        required = (p for p in command.params if p.required)
        words += [word for p in required for word in _given(p)]
    if any(p.name in ("inputs", "source") and _reads(p) for p in command.params):
        words.append(file)
    return words


def _given(parameter: Any) -> list[str]:
    option = isinstance(parameter, click.Option)
    return [*([max(parameter.opts, key=len)] if option else []), "no-such-thing"]


def _reads(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)
