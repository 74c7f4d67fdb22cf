"""The user's config file. Precedence: flag, EMOCLI_* variable, config.toml, default."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import click

from emocli.cli import config_values
from emocli.cli.config_lines import plain, where
from emocli.cli.flags import COMMON, GROUPS, READING
from emocli.errors import ConfigError
from emocli.io import messages
from emocli.io.folders import home
from emocli.records import texts

Load = Callable[[str], click.Command]
REPORTERS = ("config", "doctor")  # commands that report the errors of the file themselves


def path() -> Path:
    """Return the path of the config file, whether or not it exists."""
    folder = os.environ.get("XDG_CONFIG_HOME") or home() / ".config"
    return Path(folder) / "emocli" / "config.toml"


def read() -> dict[str, Any]:
    """Return the contents of the config file; {} without a file.

    Top-level keys set flags of every command that has them, a table those of one command:
    `device = "cpu"`, and `batch-size = 8` below `[encode]`; `batch_size` means the same.
    """
    file = path()
    if not file.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(texts.decoded(file.read_bytes()))
    except (ValueError, RecursionError, OSError) as error:  # no TOML, no text, nested too deeply
        hint = texts.HINT if isinstance(error, UnicodeDecodeError) else ""
        raise ConfigError(f"{file}: {texts.reason(error)}", hint=hint) from None


def defaults(
    arguments: list[str], names: list[str], load: Load, stderr: TextIO
) -> dict[str, dict[str, Any]]:
    """Return click's default map for the command named in the arguments.

    An error in the file ends a command that runs; --help only warns. `config` and `doctor` report
    the errors themselves, with `problems`.
    """
    name = next((a for a in arguments if not a.startswith("-")), None)
    if name in REPORTERS:
        return {}
    try:
        contents = read()
        error = next(_errors(contents, names, load, name if name in names else None), None)
        if error:
            raise error
    except ConfigError as raised:
        if name in names and not {"-h", "--help"} & set(arguments):
            raise
        messages.say(stderr, "", f"warning: {raised}")
        return {}
    if not contents or name not in names:
        return {}
    return {name: of_command(contents, name, load(name))}


def problems(names: list[str], load: Load) -> list[ConfigError]:
    """Return all errors of the file; this imports every command that has a table."""
    try:
        contents = read()
    except ConfigError as error:
        return [error]
    return list(_errors(contents, names, load, *names))


def of_command(contents: dict[str, Any], name: str, command: click.Command) -> dict[str, Any]:
    """Return the parameters of one command that the file sets."""
    known = _flags(command)
    common = {k: v for k, v in contents.items() if not isinstance(v, dict)}
    both = {**common, **_table(contents, name)}
    return {known[plain(k)]: value for k, value in both.items() if plain(k) in known}


def right_values(contents: dict[str, Any], name: str, command: click.Command) -> dict[str, Any]:
    """Return the parameters that the file sets to values that the command can take."""
    values = of_command(contents, name, command)
    wrong = {flag for flag, _, _ in _wrong_values(contents, name, command)}
    return {flag: value for flag, value in values.items() if flag not in wrong}


def _errors(
    contents: dict[str, Any], names: list[str], load: Load, *commands: str | None
) -> Iterator[ConfigError]:
    """Yield an error for each unknown table, top-level key, and key in the tables of `commands`."""
    for key, value in contents.items():
        if isinstance(value, dict):
            if plain(key) not in names:
                hint = _suggestion(plain(key), names, "emocli --help lists the commands")
                place = where(path(), (plain(key), ""))
                yield ConfigError(f"{place}: [{key}]: unknown command {key!r}", hint=hint)
        elif not _is_flag(plain(key), names, load, commands):
            every = {flag for name in names for flag in _flags(load(name))}
            hint = _suggestion(plain(key), every, "emocli config show --all lists the flags")
            place = where(path(), ("", plain(key)))
            yield ConfigError(f"{place}: unknown flag {key!r}", hint=hint)
    for name in commands:
        if name:
            yield from _errors_of(contents, name, load(name))


def _errors_of(
    contents: dict[str, Any], name: str, command: click.Command
) -> Iterator[ConfigError]:
    """Yield an error for each key in the table of a command, and each value that it cannot take."""
    known = _flags(command)
    for key in _table(contents, name):
        if plain(key) not in known:
            hint = _suggestion(plain(key), known, f"emocli {name} --help lists the flags")
            place = where(path(), (name, plain(key)))
            yield ConfigError(f"{place}: [{name}]: unknown flag {key!r}", hint=hint)
    for flag, value, right in _wrong_values(contents, name, command):
        place = where(path(), (name, plain(flag)), ("", plain(flag)))
        shown = f"{place}: {plain(flag)} = {value!r:.60}"
        yield ConfigError(shown, hint=f"--{plain(flag)} of {name} takes {right}")


def _wrong_values(
    contents: dict[str, Any], name: str, command: click.Command
) -> Iterator[tuple[str, Any, str]]:
    """Yield each flag with a value that it cannot take, and what it takes."""
    options = {option.name: cast("click.Option", option) for option in command.params}
    for flag, value in of_command(contents, name, command).items():
        if right := config_values.wrong(options[flag], value):
            yield flag, value, right


def _is_flag(key: str, names: list[str], load: Load, commands: tuple[str | None, ...]) -> bool:
    """Say whether any command has a flag; the shared flags first, since others cost an import."""
    shared = (READING, COMMON, *GROUPS.values())
    if any(key.replace("-", "_") in group for group in shared):
        return True
    loaded = [name for name in commands if name]
    return any(key in _flags(load(name)) for name in [*loaded, *names])


def _flags(command: click.Command) -> dict[str, str]:
    """Return the parameter name of each flag that the file may set."""
    options = (p for p in command.params if isinstance(p, click.Option) and p.name != "help")
    return {plain(p.name): p.name for p in options if p.name}


def _table(contents: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the table of one command; `[extract_audio]` means `[extract-audio]`."""
    tables = (v for k, v in contents.items() if plain(k) == name and isinstance(v, dict))
    return {key: value for table in tables for key, value in table.items()}


def _suggestion(word: str, known: Iterable[str], otherwise: str) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {close[0]}?" if close else otherwise
