"""What the readers of MOSI, MOSEI and SIMS share: the tables of labels as MMSA publishes them.

A table, `label.csv` (`meta.csv` for SIMS v2), has the columns video_id, clip_id, text, label,
annotation and mode and, for SIMS, label_T, label_A and label_V: ratings of the text, the sound and
the picture alone. The clips are `Raw/VIDEO/CLIP.mp4` beside it. Of both, the layout is known from
MMSA's descriptions and its users; it was not seen on the corpora themselves. Files of features
(`.pkl`) are pickles, which can run anything: they are not read.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError, UsageError
from emocli.io import tables
from emocli.records import Record

TABLES = ("label.csv", "meta.csv")
COLUMNS = ("video_id", "clip_id", "text", "label", "mode")
SIDES = {"label_T": "text", "label_A": "audio", "label_V": "video"}
POLARITIES = ("negative", "neutral", "positive")
WEAKLY = "weakly "  # an earlier release of SIMS has five words
PICKLES = (".pkl", ".pickle")
WIDTH = 4  # digits of a clip's number in the names of the files of SIMS: 0001.mp4
RAW = "Raw"


class Corpus(NamedTuple):
    """A corpus: its name, the language that is spoken, and the least and the most of its labels."""

    name: str
    language: str
    least: float
    most: float


def read(corpus: Corpus, path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip, in the order of the table; MalformedError names a bad row."""
    expected = f"a folder with {corpus.name.upper()}'s label.csv as MMSA publishes it, or that file"
    table = _table(datasets.exists(path, expected), expected)
    lost = again = 0
    seen = set[str]()
    for where, row in tables.cells(table, COLUMNS):
        video, number = (row[name].strip() for name in ("video_id", "clip_id"))
        if not video or not number:
            raise MalformedError(f"{where}: no video_id or no clip_id")
        name = f"{corpus.name}/{video}/{number}"
        if name in seen:
            again += 1
            continue
        seen.add(name)
        clip = _clip(table.parent, video, number)
        lost += clip is None
        yield {"id": name, **_place(clip), **_about(corpus, row, where)}
    told = [f"{again} rows are left out, which came before"] if again else []
    here = (table.parent / RAW).is_dir()
    return told + ([f"{lost} clips of the table are not in {RAW}"] if lost and here else [])


def _table(path: Path, expected: str) -> Path:
    """Return the table of labels; UsageError for a pickle, EmptyInputError where there is none."""
    hint = f"pickles can run anything and are not read; {expected}"
    if path.is_file():
        if path.suffix.lower() in PICKLES:
            raise UsageError(f"{path}: a pickle", hint=hint)
        return path
    for name in TABLES:
        if (path / name).is_file():
            return path / name
    pickles = sorted(file for file in path.rglob("*") if file.suffix.lower() in PICKLES)
    if pickles:
        raise EmptyInputError(f"{path}: no table here, but {pickles[0].name}", hint=hint)
    raise EmptyInputError(f"{path}: no table here", hint=f"expected {expected}")


def _clip(folder: Path, video: str, number: str) -> Path | None:
    names = dict.fromkeys((number, number.zfill(WIDTH)))
    clips = (folder / RAW / video / f"{name}.mp4" for name in names)
    return next((clip for clip in clips if clip.is_file()), None)


def _place(clip: Path | None) -> Record:
    return {} if clip is None else {"path": records.of_path(str(clip))["path"]}


def _about(corpus: Corpus, row: tables.Cells, where: str) -> Record:
    video, number, split = (row[name].strip() for name in ("video_id", "clip_id", "mode"))
    return {
        "dataset": corpus.name,
        **({"split": split} if split else {}),
        "dialogue": f"{corpus.name}/{video}",
        **({"turn": int(number)} if number.isdecimal() else {}),
        "language": corpus.language,
        **({"text": row["text"]} if row["text"].strip() else {}),
        **_label(corpus, row, where),
    }


def _label(corpus: Corpus, row: tables.Cells, where: str) -> Record:
    """Return the label of a row; nothing for a clip that nobody rated (SIMS v2 has such)."""
    sentiment = _rating(corpus, row, "label", where)
    if sentiment is None:
        return {}
    sides = {side: _rating(corpus, row, column, where) for column, side in SIDES.items()}
    rated = {side: value for side, value in sides.items() if value is not None}
    label: Record = {"sentiment": sentiment}
    if word := _polarity(row.get("annotation", ""), where):
        label["polarity"] = word
    return {"label": label | ({"sentiment_by_modality": rated} if rated else {})}


def _polarity(cell: str, where: str) -> str | None:
    word = cell.strip().lower().removeprefix(WEAKLY)
    if word and word not in POLARITIES:
        raise MalformedError(f"{where}: unknown annotation '{cell:.40}'")
    return word or None


def _rating(corpus: Corpus, row: tables.Cells, column: str, where: str) -> float | None:
    cell = row.get(column, "").strip()
    if cell.lower() in ("", "nan"):
        return None
    try:
        value = tables.number(cell)
    except ValueError:
        value = math.nan
    if not corpus.least <= value <= corpus.most:
        scale = f"a number from {corpus.least:g} to {corpus.most:g}"
        raise MalformedError(f"{where}: {column} is not {scale}: '{cell:.40}'")
    return value
