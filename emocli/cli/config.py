"""The user's config file: flag > EMOCLI_* variable > config.toml > default."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from emocli.cli.flags import COMMON, GROUPS, READING
from emocli.errors import ConfigError, printable

Load = Callable[[str], click.Command]
TELLING = ("config", "doctor")  # commands that say what is wrong with the file


def path() -> Path:
    """Return where the config file is, or would be."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "emocli" / "config.toml"


def read() -> dict[str, Any]:
    """Return the config file's contents; {} when there is none.

    Top-level keys are flags of every command that has them, tables hold one command's:
    `device = "cpu"` and `[encode]` / `batch-size = 8`; `batch_size` is the same.
    """
    file = path()
    if not file.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None


def defaults(
    arguments: list[str], names: list[str], load: Load, stderr: TextIO
) -> dict[str, dict[str, Any]]:
    """Return click's default map for the command that the arguments name.

    A mistake in the file is an error of a command that runs; help is given all the same, with a
    warning. `config` and `doctor` say themselves what is wrong, with `problems`.
    """
    name = next((a for a in arguments if not a.startswith("-")), None)
    if name in TELLING:
        return {}
    try:
        contents = read()
        found = next(_mistakes(contents, names, load, name if name in names else None), None)
        if found:
            raise found
    except ConfigError as error:
        if name in names and not {"-h", "--help"} & set(arguments):
            raise
        stderr.write(f"emocli: warning: {printable(str(error))}\n")
        return {}
    if not contents or name not in names:
        return {}
    return {name: of_command(contents, name, load(name))}


def problems(names: list[str], load: Load) -> list[ConfigError]:
    """Return all that is wrong with the file; this imports every command that has a table."""
    try:
        contents = read()
    except ConfigError as error:
        return [error]
    return list(_mistakes(contents, names, load, *names))


def of_command(contents: dict[str, Any], name: str, command: click.Command) -> dict[str, Any]:
    """Return the parameters of one command that the file sets."""
    known = _flags(command)
    common = {k: v for k, v in contents.items() if not isinstance(v, dict)}
    both = {**common, **_table(contents, name)}
    return {known[_key(k)]: value for k, value in both.items() if _key(k) in known}


def _mistakes(
    contents: dict[str, Any], names: list[str], load: Load, *commands: str | None
) -> Iterator[ConfigError]:
    """Yield an error for each table and each key at the top that no command has.

    Of the tables those of `commands` are looked into.
    """
    for key, value in contents.items():
        if isinstance(value, dict):
            if _key(key) not in names:
                hint = _likely(_key(key), names, "emocli --help lists the commands")
                yield ConfigError(f"{path()}: [{key}]: no command {key!r}", hint=hint)
        elif not _is_flag(_key(key), names, load, commands):
            every = {flag for name in names for flag in _flags(load(name))}
            hint = _likely(_key(key), every, "emocli config show lists the flags")
            yield ConfigError(f"{path()}: no command has a flag {key!r}", hint=hint)
    for name in commands:
        for key in _table(contents, name) if name else ():
            if _key(key) not in (known := _flags(load(str(name)))):
                hint = _likely(_key(key), known, f"emocli {name} --help lists the flags")
                yield ConfigError(f"{path()}: [{name}] has no flag {key!r}", hint=hint)


def _is_flag(key: str, names: list[str], load: Load, commands: tuple[str | None, ...]) -> bool:
    """Say whether any command has a flag: the quick ones to ask first, as others are imported."""
    shared = (READING, COMMON, *GROUPS.values())
    if any(key.replace("-", "_") in group for group in shared):
        return True
    first = [name for name in commands if name]
    return any(key in _flags(load(name)) for name in [*first, *names])


def _flags(command: click.Command) -> dict[str, str]:
    """Return the parameter of each flag that the file may set."""
    options = (p for p in command.params if isinstance(p, click.Option) and p.name != "help")
    return {_key(p.name): p.name for p in options if p.name}


def _table(contents: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the keys for one command; `[extract_audio]` is `[extract-audio]`."""
    tables = (v for k, v in contents.items() if _key(k) == name and isinstance(v, dict))
    return {key: value for table in tables for key, value in table.items()}


def _key(name: str) -> str:
    return name.replace("_", "-")


def _likely(word: str, known: Iterable[str], otherwise: str) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {close[0]}?" if close else otherwise
