"""What can be completed: commands, their flags and arguments, and what these take."""

from __future__ import annotations

from dataclasses import dataclass

FILES, FOLDERS = "files", "folders"


@dataclass(frozen=True)
class Values:
    """What may stand in one place: some words, and files or folders."""

    words: tuple[str, ...] = ()
    paths: str = ""


@dataclass(frozen=True)
class Flag:
    """A flag; `values` is None where it takes none."""

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


def flat(found: list[Command]) -> list[Command]:
    """Return commands and subcommands in one list."""
    return [one for command in found for one in (command, *command.children)]
