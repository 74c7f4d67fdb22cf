"""Read the file of train --config: the tables [model] and [training]."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emocli.errors import UsageError
from emocli.records import Record, texts


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
        tables = tomllib.loads(texts.decoded(file.read_bytes()))
    except OSError as error:
        raise UsageError(f"--config {file}: {error}") from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError as well
        hint = texts.HINT if isinstance(error, UnicodeDecodeError) else ""
        raise UsageError(f"--config {file}: {texts.reason(error)}", hint=hint) from None
    if unknown := set(tables) - {"model", "training"}:
        names = ", ".join(sorted(unknown))
        hint = "the tables are [model] and [training]"
        raise UsageError(f"--config {file}: unknown table {names}", hint=hint)
    return tables
