"""What can be completed: commands, their flags and arguments, and the values of these."""

from __future__ import annotations

from dataclasses import dataclass

FILES, FOLDERS = "files", "folders"


@dataclass(frozen=True)
class Values:
    """The values of a flag or an argument: words, and files or folders."""

    words: tuple[str, ...] = ()
    paths: str = ""


@dataclass(frozen=True)
class Flag:
    """A flag; `values` is None for a flag without a value."""

    names: tuple[str, ...]
    about: str
    metavar: str
    values: Values | None
    repeatable: bool


@dataclass(frozen=True)
class Command:
    """A command or subcommand ("models pull"); a group has `children` and no arguments."""

    name: str
    about: str
    flags: tuple[Flag, ...]
    arguments: tuple[Values, ...]
    children: tuple[Command, ...] = ()


def flat(commands: list[Command]) -> list[Command]:
    """Return commands and their subcommands as one list."""
    return [entry for command in commands for entry in (command, *command.children)]
