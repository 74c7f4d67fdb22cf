"""How a file is read, by its name or by --input-format."""

from __future__ import annotations

from pathlib import Path

from emocli.io import opening, tables
from emocli.records.modality import MODALITIES

FORMATS = ("auto", "jsonl", "paths", "csv", "tsv", "text")
RECORDS = (".jsonl", ".ndjson")
TABLES = ("csv", "tsv")
MEDIA = frozenset().union(*(row.suffixes for row in MODALITIES.values()))


def is_media(path: str) -> bool:
    """Return whether a file is of a medium, by its suffix."""
    return Path(path).suffix.lower() in MEDIA


def kind(path: str, input_format: str = "auto") -> str:
    """Return the format of a file: as --input-format says, unless its name is of media."""
    if input_format == "paths" or (input_format != "auto" and not is_media(path)):
        return input_format
    name = path.lower().removesuffix(opening.GZIP)
    if name.endswith(RECORDS):
        return "jsonl"
    if tables.is_table(name):
        return "csv"
    return "text" if name.endswith(".txt") else "paths"
