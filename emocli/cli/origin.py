"""Where the value of a flag comes from that turned out to be wrong, if nobody has typed it.

A message such as "--batch-size eight: not auto or a number" helps little where the value is that of
a variable, or stands in the config file.
"""

from __future__ import annotations

import os
import re

import click

from emocli.cli import config
from emocli.cli.config_lines import plain, where
from emocli.errors import ConfigError

FLAG = re.compile(r"(?:invalid value for '(?:-\w, )?)?--([a-z][a-z-]*)", re.IGNORECASE)


def told(message: str, arguments: list[str], names: list[str], load: config.Load) -> str:
    """Return a message that begins with a flag, with the place of its value."""
    match = FLAG.match(message)
    if not match or not arguments or arguments[0] not in names:
        return message
    place = _place(match[1], arguments, load(arguments[0]))
    return f"{message} (from {place})" if place else message


def _place(flag: str, arguments: list[str], command: click.Command) -> str:
    """Return the variable or the line of the file that sets a flag; "" for an argument."""
    option = next((p for p in command.params if f"--{flag}" in p.opts), None)
    if option is None or any(_is_given(argument, option.opts) for argument in arguments):
        return ""
    if variable := next((v for v in option.envvar or () if os.environ.get(v)), None):
        return f"${variable}"
    name = plain(option.name or flag)
    try:
        contents = config.read()
    except ConfigError:
        return ""
    if option.name not in config.of_command(contents, arguments[0], command):
        return ""
    return where(config.path(), (arguments[0], name), ("", name))


def _is_given(argument: str, spellings: list[str]) -> bool:
    """Say whether an argument gives a flag: --jobs, --jobs=2, -j, -j2."""
    return any(
        argument.partition("=")[0] == name if name.startswith("--") else argument.startswith(name)
        for name in spellings
    )
