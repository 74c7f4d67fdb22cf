"""Convert published file formats to records: one file per dataset, named after the dataset.

On the command line `_` is `-`: `crema_d.py` is `crema-d`.

Each file has `read(path) -> Iterator[dict]`. The id of a recording is the path from the command
line, joined with the path below it; a line of text is named after its dataset and split
("meld/train/dia0_utt3"). Numbered speakers get the name of their dataset ("ravdess-03"), so that
corpora can be joined.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from emocli.errors import EmptyInputError, MalformedError, UsageError
from emocli.io import tables
from emocli.records.modality import MODALITIES

# Suffixes of files that can contain a modality; other files in a folder are skipped.
MEDIA = frozenset().union(*(row.suffixes for row in MODALITIES.values()))


def names() -> list[str]:
    """Return the names of all datasets, in order."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__))


def load(name: str) -> ModuleType:
    """Return the module of a dataset, or raise UsageError with the names that exist."""
    if name not in names():
        raise UsageError(f"unknown dataset '{name}'", hint=f"one of {', '.join(names())}")
    return import_module(f"{__name__}.{name.replace('-', '_')}")


def title(name: str) -> str:
    """Return the first line of a dataset's documentation, read without importing it."""
    file = Path(__file__).with_name(f"{name.replace('-', '_')}.py")
    source = file.read_text(encoding="utf-8")
    return source.split('"""', 2)[1].split("\n", 1)[0]


def exists(path: Path, expected: str) -> Path:
    """Return the path, or raise UsageError saying what was expected there."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder", hint=f"expected {expected}")
    return path


def media(path: Path, expected: str) -> Iterator[Path]:
    """Yield the media files at or below a path, in order; hidden ones are skipped.

    Raises UsageError if the path does not exist, EmptyInputError if it has no media file.
    """
    if exists(path, expected).is_file():
        yield path
        return
    any_file = False
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in MEDIA and not name.startswith("."):
                any_file = True
                yield Path(folder, name)
    if not any_file:
        raise EmptyInputError(f"{path}: no media file here", hint=f"expected {expected}")


class _Tabs(csv.Dialect):
    delimiter, quoting, lineterminator = "\t", csv.QUOTE_NONE, "\n"


def table(
    file: Path, columns: tuple[str, ...], *, tabs: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place ("data.tsv:7") and the cells of each row of a UTF-8 table with a header.

    With commas and quotes as spreadsheets write them, or with `tabs` tabs and no quoting. Raises
    MalformedError for a missing column, a row that does not fit the header, or invalid UTF-8.
    """
    with open(file, "rb") as stream:
        reader = csv.DictReader(tables.text(stream, str(file)), dialect=_Tabs if tabs else "excel")
        try:
            if missing := [c for c in columns if c not in (reader.fieldnames or ())]:
                raise MalformedError(f"{file}:1: no column '{missing[0]}' in {reader.fieldnames}")
            for row in reader:
                where = f"{file}:{reader.line_num}"
                if None in row or None in row.values():
                    width = len(reader.fieldnames or ())
                    raise MalformedError(f"{where}: not the {width} cells that the header has")
                yield where, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise MalformedError(f"{file}: after line {reader.line_num}: {error}") from None
