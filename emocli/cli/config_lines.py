"""On which line of the config file a key or a table stands, for messages."""

from __future__ import annotations

import re
from pathlib import Path

from emocli.records import texts

TABLE = re.compile(r"\s*\[\s*[\"']?([\w-]+)[\"']?\s*\]")
KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*=")


def plain(name: str) -> str:
    """Return the name of a flag or a command with hyphens, as the command line has it."""
    return name.replace("_", "-")


def where(file: Path, *places: tuple[str, str]) -> str:
    """Return "FILE:LINE" of the first (table, key) that is in a file; FILE where none is.

    The top level is the table "", and a table itself has the key "". Only lines such as `key = 8`
    are found: TOML has other ways to write it, which these files hardly use.
    """
    lines = _lines(file)
    number = next((lines[place] for place in places if place in lines), None)
    return f"{file}:{number}" if number else str(file)


def _lines(file: Path) -> dict[tuple[str, str], int]:
    try:
        text = texts.decoded(file.read_bytes())
    except (OSError, ValueError):
        return {}
    table = ""
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if heading := TABLE.match(line):
            table = plain(heading[1])
        match = KEY.match(line)
        found.setdefault((table, plain(match[1]) if match else ""), number)
    return found
