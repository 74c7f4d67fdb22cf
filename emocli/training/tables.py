"""Read the file of train --config: the tables [model] and [training]."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

from emocli.errors import UsageError
from emocli.records import Record, texts

LARGEST = 1 << 20  # bytes of a config


def read(file: Path | None, *, model: Record, training: Record) -> tuple[Record, Record]:
    """Return the tables [model] and [training] of a file, if any, updated by flags.

    `model` and `training` are the flags; one that is not None overrides the file.
    """
    tables = {} if file is None else _parsed(file)
    flags = {"model": model, "training": training}
    merged = [
        tables.get(name, {}) | {key: value for key, value in table.items() if value is not None}
        for name, table in flags.items()
    ]
    return merged[0], merged[1]


def _parsed(file: Path) -> dict[str, Any]:
    import tomllib  # takes 3 ms, which --help does not need

    try:
        with open(file, "rb", opener=_opened) as stream:
            tables = tomllib.loads(texts.decoded(stream.read(LARGEST)))
    except OSError as error:
        raise UsageError(f"--config {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no TOML, no text, nested too deeply
        hint = texts.HINT if isinstance(error, UnicodeDecodeError) else ""
        raise UsageError(f"--config {file}: {texts.reason(error)}", hint=hint) from None
    if unknown := set(tables) - {"model", "training"}:
        names = ", ".join(sorted(unknown))
        hint = "the tables are [model] and [training]"
        raise UsageError(f"--config {file}: unknown table {names}", hint=hint)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"--config {file}: {name} = {table!r:.60}: must be a table, [{name}]")
    return tables


def _opened(path: str, flags: int) -> int:
    """Open a plain file; anything else, such as a pipe without a writer, could wait for ever."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a plain file", path)
    return handle
