"""Your own recordings: a folder per emotion, a table, or just a folder of media files.

No publication: the formats are our choice; image and speech classifiers commonly expect them.

Expects one of
- a folder whose subfolders are named after emotions (`angry/a.wav`, `spk1/Happy/b.mp4`); the
  nearest such folder above a file is its label. In such a layout a folder with another name
  (`boredom/c.wav`) keeps its word in `label.original` and has no `label.emotion`;
- a table with a header (.csv, .tsv, .xlsx) and a column `path` (relative to the table) or `text`,
  and, optionally, `label` (or `emotion`), `id`, and others such as `speaker` or `split`, which
  become fields, as they do where a filter reads the table: `label.valence` stands in the label,
  `start` is a number, `Filename` and `Utterance` are path and text;
- a folder without such names, or one file: records without labels.

Words are read through the table of aliases (happy, Happiness, HAP: joy). Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import ids, tables
from emocli.records import labels

EXPECTED = "a folder of media files, a media file, or a table with a column 'path' or 'text'"


def read(
    path: Path, layout: tables.Layout = tables.PLAIN
) -> Generator[dict[str, Any], None, list[str]]:
    """Yield a record per media file, or per row of a table; return what to tell of the table."""
    told: list[str] = []
    if tables.is_table(path.name) and not path.is_dir():
        yield from _rows(datasets.exists(path, EXPECTED), layout, told.append)
        return told
    yield from _files(path)
    return told


def _files(path: Path) -> Iterator[dict[str, Any]]:
    files = list(datasets.media(path, EXPECTED))
    layers = [file.relative_to(path).parent.parts for file in files]
    labelled = any(labels.canonical(name) for names in layers for name in names)
    for file, names in zip(files, layers, strict=True):
        record = {**records.of_path(str(file)), "dataset": "folder"}
        if labelled and names:
            words = [name for name in names if labels.canonical(name)]
            record["label"] = _label(words[-1] if words else names[-1])
        yield record


def _label(word: str) -> dict[str, Any]:
    return {"emotion": labels.canonical(word), "original": word}


def _rows(table: Path, layout: tables.Layout, say: tables.Say) -> Iterator[dict[str, Any]]:
    any_row = False
    with tables.opened(table) as stream:
        for row in tables.read(stream, str(table), ids.Numbered(), layout, say):
            any_row = True
            if not (row.record.get("path") or row.record.get("text")):
                hint = f"expected {EXPECTED}"
                raise MalformedError(f"{row.where}: neither a path nor a text", hint=hint)
            yield _row(row.record, row.where)
    if not any_row:
        raise EmptyInputError(f"{table}: no row below the header", hint=f"expected {EXPECTED}")


def _row(record: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the record of a row with the word of its label read through the table of aliases."""
    label = record.pop("label", {})
    if not isinstance(label, dict):
        raise MalformedError(f"{where}: label is not an object: {label!r:.60}")
    if word := label.get("original") or label.get("emotion"):
        label = _label(word) | {k: v for k, v in label.items() if k not in ("emotion", "original")}
    known = {key: record.pop(key) for key in ("id", "path") if key in record}
    return known | {"dataset": "folder"} | record | ({"label": label} if label else {})
