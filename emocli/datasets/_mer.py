"""What the readers of the MER challenges share: tables of labels, clips by name, subtitles.

A table has the columns `name`, `discrete` and, where the authors give it, `valence` (-5 to 5); one
of clips to be judged has `name` alone. A table may lie in any folder at or below the path, and so
may the clips, `NAME.mp4` or `.avi`, `NAME.wav`. Where a name occurs in several folders, as clips
with added noise do, that in a folder which belongs to the split is taken.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import Record, labels

WORDS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
WORST, BEST = -5.0, 5.0  # of valence
TEXT = ("chinese", "sentence")  # the column of what is said, checked or recognised
FACES = "openface"  # folders of cropped faces, a folder a clip: not looked into


class Table(NamedTuple):
    """A table of a release: its split, and the folders in which its clips are."""

    split: str
    folders: tuple[str, ...] = ()


Tables = Mapping[str, Table]  # by the name of the file, in the order of the splits


class Release(NamedTuple):
    """What one year published."""

    name: str
    tables: Tables
    subtitles: tuple[str, ...]
    expected: str


@dataclass
class Clips:
    """The clips of a release by name, and what is to be told of them."""

    files: Mapping[str, list[Path]]
    kind: Callable[[Path], int]
    copies: list[Path] = field(default_factory=list)
    lost: int = 0

    def of(self, name: str, folders: tuple[str, ...]) -> Path | None:
        """Return the file of a clip: by its kind, then by its folder, then the first."""
        files = self.files.get(name, [])
        self.lost += not files
        ranks = [(self.kind(file), file.parent.name not in folders) for file in files]
        best = [file for file, rank in zip(files, ranks, strict=True) if rank == min(ranks)]
        self.copies += best[1:]
        return best[0] if best else None

    def told(self) -> list[str]:
        """Return what to tell: copies, and clips that are not here, unless none is."""
        lost = [f"{self.lost} clips of the tables are not here"] if self.lost and self.files else []
        return datasets.left_out(self.copies, "as second files of takes that are there") + lost


def read(release: Release, path: Path, media: str = "video") -> Generator[Record, None, list[str]]:
    """Yield a record per row of the tables at or below a path; MalformedError names a bad row."""
    found = _files(datasets.exists(path, release.expected))
    said = _subtitles(found, release.subtitles)
    clips = Clips(_clips(found), datasets.one_kind(media))
    seen = set[str]()
    again = 0
    for table in _tables(release, path, found):
        split, folders = release.tables[table.name]
        for where, row in tables.cells(table, ("name",)):
            name = row["name"].strip()
            if f"{split}/{name}" in seen:
                again += 1
                continue
            seen.add(f"{split}/{name}")
            clip = clips.of(name, folders)
            yield {
                "id": f"{release.name}/{split}/{name}",
                **({"path": records.of_path(str(clip))["path"]} if clip else {}),
                "dataset": release.name,
                "split": split,
                "language": "zh",
                **said.get(name, {}),
                **_label(row, where),
            }
    return clips.told() + ([f"{again} rows are left out, which came before"] if again else [])


def _tables(release: Release, path: Path, found: Mapping[str, list[Path]]) -> list[Path]:
    """Return the tables of labels, in the order of the splits."""
    listed = [found[name][0] for name in release.tables if name in found]
    if path.is_file():
        listed = [path] if path.name in release.tables else []
    if not listed:
        raise EmptyInputError(f"{path}: no table here", hint=f"expected {release.expected}")
    return listed


def _files(path: Path) -> dict[str, list[Path]]:
    """Return the files at or below the folder of a path, by name, in order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for folder, inner, names in os.walk(path if path.is_dir() else path.parent, followlinks=True):
        inner[:] = sorted(n for n in inner if not n.startswith((".", FACES)))
        for name in sorted(names):
            found[name].append(Path(folder, name))
    return found


def _clips(found: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    clips: dict[str, list[Path]] = defaultdict(list)
    for name, files in found.items():
        if Path(name).suffix.lower() in datasets.CLIPS:
            clips[Path(name).stem] += files
    return clips


def _subtitles(found: Mapping[str, list[Path]], names: tuple[str, ...]) -> dict[str, Record]:
    """Return what is said in each clip, of the first of these tables that is there."""
    table = next((found[name][0] for name in names if name in found), None)
    said: dict[str, Record] = {}
    for _, row in tables.cells(table, ("name",)) if table else ():
        text = next((row[column] for column in TEXT if row.get(column)), "")
        english = {"english": row["english"]} if row.get("english") else {}
        said[row["name"].strip()] = ({"text": text} if text else {}) | english
    return said


def _label(row: Mapping[str, str], where: str) -> Record:
    """Return the label of a row; nothing where there is none."""
    word = row.get("discrete", "").strip()
    if not word:
        return {}
    if word not in WORDS:
        raise MalformedError(f"{where}: unknown MER emotion '{word}'")
    label: Record = {"emotion": labels.canonical(word), "original": word}
    if row.get("valence", "").strip():
        label["valence"] = _valence(row["valence"], where)
    return {"label": label}


def _valence(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not WORST <= value <= BEST:
        raise MalformedError(f"{where}: valence is not from {WORST:g} to {BEST:g}: '{cell:.40}'")
    return value
