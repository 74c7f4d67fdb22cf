"""The user's config file: flag > EMOCLI_* variable > config.toml > default."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from emocli.errors import ConfigError


def path() -> Path:
    """Return where the config file is, or would be."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "emocli" / "config.toml"


def read() -> dict[str, Any]:
    """Return the config file's contents; {} when there is none.

    Top-level keys are flags of every command that has them, tables hold one command's:
    `device = "cpu"` and `[encode]` / `batch-size = 8`.
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
    arguments: list[str], names: list[str], load: Callable[[str], click.Command]
) -> dict[str, dict[str, Any]]:
    """Return click's default map for the command that the arguments name."""
    contents = read()
    name = next((a for a in arguments if not a.startswith("-")), None)
    if not contents or name not in names:
        return {}
    return {name: of_command(contents, name, load(name))}


def of_command(contents: dict[str, Any], name: str, command: click.Command) -> dict[str, Any]:
    """Return the parameters of one command that the file sets; an unknown key is an error."""
    known = {p.name.replace("_", "-"): p.name for p in command.params if p.name}
    common = {k: v for k, v in contents.items() if not isinstance(v, dict) and k in known}
    own = contents.get(name, {})
    for key in own:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"emocli {name} --help lists the flags"
            raise ConfigError(f"{path()}: [{name}] has no flag {key!r}", hint=hint)
    return {known[key]: value for key, value in {**common, **own}.items()}
