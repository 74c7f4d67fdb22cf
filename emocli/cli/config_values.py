"""What a value of the config file has to be for the flag that it sets."""

from __future__ import annotations

import re
from typing import Any

import click

PATHS = (click.Path, click.File)


def wrong(option: click.Option, value: Any) -> str:
    """Return what the flag takes instead of a value, or "" for a value that it takes."""
    if option.is_flag:
        return "" if isinstance(value, bool) else "true or false"
    several = option.multiple and isinstance(value, list)
    for one in value if several else [value]:
        if not _is_of_kind(option.type, one):
            return _kind(option.type) + (", or a list of these" if option.multiple else "")
        try:
            option.type.convert(one, option, None)
        except click.BadParameter as error:
            outside = re.search(r"in the range .*[^.]", error.message)
            return f"{_kind(option.type)} {outside[0]}" if outside else _kind(option.type)
        except (ValueError, TypeError, OverflowError) as error:  # a NUL in a path, 10^400
            return f"{_kind(option.type)}: {error}"
    return ""


def _is_of_kind(kind: Any, value: Any) -> bool:
    """Return whether a value has the type of a flag; a number will do for a text such as "8"."""
    if isinstance(value, bool):
        return False
    if isinstance(kind, click.types.IntParamType):
        return isinstance(value, int | str)
    if isinstance(kind, PATHS):
        return isinstance(value, str)
    return isinstance(value, int | float | str)


def _kind(kind: Any) -> str:
    if isinstance(kind, click.types.IntParamType):
        return "a whole number"
    if isinstance(kind, click.types.FloatParamType):
        return "a number"
    return "the name of a file, in quotes" if isinstance(kind, PATHS) else "a text or a number"
