"""MMEVerse: twelve corpora to train on, eighteen sets to evaluate on; audio, video and text.

Emotion-LLaMAv2 and MMEVerse, 2026, https://arxiv.org/abs/2601.16449; names and columns are those
that the code of its authors reads, https://github.com/ooochen-30/Emotion-LLaMA-v2
Files: on Hugging Face and ModelScope under ooochen; each corpus has its own terms, for research.

Expects a folder with tables, `AU_gpt/NAME_AU_gpt.csv` or `NAME/NAME_....csv` for the NAMEs MER2024
(MER2023 as well), CAER, DFEW, MC-EIU, MAFW, BOLD, E3, IEMOCAP, CH-SIMS_v2_s, CMU-MOSEI, CMU-MOSI,
MELD, CH-SIMS, OV-MERD+, or one table. Clips are `NAME/video/ID.mp4`; features of the authors,
`NAME/features/whisper-large-v3/ID.npy` and `EVA-ViT-G/ID.npy`, are copied into the store as
`features.audio` and `features.video`. Where such a folder lacks a file, `missing` says so.

`corpus` is mer2023, mer2024, caer, dfew, mc-eiu, mafw, bold, e3, iemocap, sims-v2, mosei, mosi,
meld, sims or ov-merd. `label` has emotion, polarity, intent and multi, as far as the corpus has
them; `label_space` lists the corpus's own words, which --labels original keeps; in `label.multi`
those of the seven labels come first, which is our choice. `descriptions` are what machines wrote:
of `image` and `audio`, and consolidated with the label in view under the kind of that label. A row
of MER2024's table is of mer2023 or of mer2024, by its splits.

Cautions: the tables were not seen, so columns are those that the released loaders name; OV-MERD+
has labels only where its table has a column `openset`; descriptions were written by models that
were told the label: they teach its words, and say nothing true for certain.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emocli import datasets
from emocli.datasets import _mmeverse_files, _mmeverse_labels
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.io.store import Store
from emocli.records import Record

TABLE = Path(__file__).with_suffix(".toml")
EXPECTED = "a folder with tables of MMEVerse, such as AU_gpt/MELD_AU_gpt.csv, or one of them"
DESCRIBED_FIRST = "_AU_gpt"  # in the name of a table: the one with descriptions
CONSOLIDATOR = "gpt-4o-mini"
ENGLISH = "english"  # the column of a translation
FEW = 3  # of the labels that are told

Contents = Mapping[str, Any]


@functools.cache
def contents() -> Contents:
    """Return the table of corpora and sets, as mmeverse.toml describes it."""
    return tomllib.loads(TABLE.read_bytes().decode())


def sets() -> list[Contents]:
    """Return the eighteen sets to evaluate on, in order."""
    return list(contents()["sets"])


@dataclass
class Told:
    """What is told at the end: rows that came before, columns that a table lacks, files."""

    again: int = 0
    foreign: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    lacking: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return what to tell, a sentence each."""
        lost = [f"{count} records lack a file of {name}" for name, count in self.lost.items()]
        again = [f"{self.again} rows are left out, which came before"] if self.again else []
        few = ", ".join(dict.fromkeys(self.foreign[:FEW]))
        foreign = f"{len(self.foreign)} labels are not in the list of their corpus, such as {few}"
        return self.lacking + lost + again + ([foreign] if self.foreign else [])


def read(path: Path, store: Store | None = None) -> Generator[Record, None, list[str]]:
    """Yield a record per row and corpus; MalformedError for a missing column or a bad label.

    Features go into the store, the default one unless another is given.
    """
    told, seen = Told(), set[str]()
    store = store or Store()
    for table, name, corpora in _tables(datasets.exists(path, EXPECTED)):
        home = _mmeverse_files.home(table, name)
        wanted = tuple(dict.fromkeys(c for corpus in corpora for c in _needed(corpus)))
        for number, (where, row) in enumerate(tables.cells(table, wanted)):
            if not number:
                told.lacking += _lacking(table, corpora, row)
            for corpus in (c for c in corpora if _is_of(c, row)):
                record = _record(corpus, row, where)
                if record["id"] in seen:
                    told.again += 1
                    continue
                seen.add(record["id"])
                told.foreign += _mmeverse_labels.foreign(record, where)
                told.lost.update(_mmeverse_files.add(record, home, store))
                yield record
    return told.sentences()


def _tables(path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Yield each table, the name that its own begins with, and its corpora."""
    files = [path] if path.is_file() else [*path.glob("*.csv"), *path.glob("*/*.csv")]
    known = [(file, *found) for file in files if (found := _named(file.stem))]
    if not known:
        raise EmptyInputError(f"{path}: no table of MMEVerse here", hint=f"expected {EXPECTED}")
    order = list(contents()["corpora"])
    yield from sorted(
        known, key=lambda t: (order.index(t[2][0]), DESCRIBED_FIRST not in t[0].stem, str(t[0]))
    )


def _named(stem: str) -> tuple[str, list[str]] | None:
    """Return the longest name that a table's begins with, and its corpora; None for another."""
    names: dict[str, list[str]] = {}
    for corpus, about in contents()["corpora"].items():
        for name in about["tables"]:
            names.setdefault(name, []).append(corpus)
    fitting = [n for n in names if re.fullmatch(rf"{re.escape(n)}(_.*)?", stem, re.IGNORECASE)]
    longest = max(fitting, key=len, default=None)
    return None if longest is None else (longest, names[longest])


def _about(corpus: str) -> Contents:
    about: Contents = contents()["corpora"][corpus]
    return about


def _id_columns(corpus: str) -> list[str]:
    return list(_about(corpus).get("id", ["video_id"]))


def _needed(corpus: str) -> list[str]:
    about = _about(corpus)
    labelled = [] if about.get("optional") else list(about["labels"].values())
    return [*_id_columns(corpus), *([about["split"]] if "split" in about else []), *labelled]


def _lacking(table: Path, corpora: list[str], row: tables.Cells) -> list[str]:
    """Return what to tell about a table that has no text, or no description of something."""
    lacks = []
    for what, columns in contents()["descriptions"].items():
        if not row.keys() & columns.keys():
            lacks.append(f"no description of {what} ({' or '.join(columns)})")
    for corpus in corpora:
        texts = _about(corpus)["text"]
        if not row.keys() & set(texts):
            lacks.append(f"no text ({' or '.join(texts)})")
        described = _about(corpus).get("descriptions", {}).values()
        lacks += [f"no {column}" for column in described if column not in row]
    return [f"{table}: {', '.join(dict.fromkeys(lacks))}"] if lacks else []


def _is_of(corpus: str, row: tables.Cells) -> bool:
    """Say whether a row belongs to a corpus: by its split, and by its label where that decides."""
    about = _about(corpus)
    split = row[about["split"]].strip() if "split" in about else ""
    if "splits" in about and split not in about["splits"]:
        return False
    if "unless" in about and _is_of(about["unless"], row):
        return False
    if not about.get("only"):
        return True
    word = row[about["labels"]["emotion"]].strip()
    return about.get("said", {}).get(word, word) in about["spaces"]["emotion"]


def _record(corpus: str, row: tables.Cells, where: str) -> Record:
    about = _about(corpus)
    name = "_".join(row[column].strip() for column in _id_columns(corpus))
    if not name or "/" in name or "\\" in name:
        raise MalformedError(f"{where}: not the name of a clip: '{name:.40}'")
    split = row[about["split"]].strip() if "split" in about else ""
    column = next((c for c in about["text"] if row.get(c, "").strip()), "")
    language = "en" if column == ENGLISH else about.get("language")
    label = _mmeverse_labels.label(about, row, where)
    described = _descriptions(about, row)
    return {
        "id": f"mmeverse/{corpus}/{name}",
        "dataset": "mmeverse",
        "corpus": corpus,
        **({"split": split} if split else {}),
        **({"language": language} if language else {}),
        **({"text": row[column].strip()} if column else {}),
        **({"label": label} if label else {}),
        **({"label_space": dict(about["spaces"])} if "spaces" in about else {}),
        **({"descriptions": described} if described else {}),
    }


def _descriptions(about: Contents, row: tables.Cells) -> Record:
    """Return what machines wrote about a clip, the first column of each kind that is filled."""
    named = {what: dict(columns) for what, columns in contents()["descriptions"].items()}
    for kind, column in about.get("descriptions", {}).items():
        named[kind] = {column: CONSOLIDATOR}
    found: Record = {}
    for what, columns in named.items():
        for column, by in columns.items():
            text = " ".join(row.get(column, "").split())
            if text and what not in found:
                found[what] = {"text": text, "by": by, "synthetic": True}
    return found
