"""GoEmotions: 58,009 Reddit comments with one or more of 27 emotions or neutral; text.

Demszky, Movshovitz-Attias, Ko, Cowen, Nemade and Ravi, "GoEmotions: A Dataset of Fine-Grained
Emotions", ACL 2020, https://arxiv.org/abs/2005.00547
Files: https://github.com/google-research/google-research/tree/master/goemotions, data CC BY 4.0.

Expects `train.tsv`, `dev.tsv`, `test.tsv` (text, label numbers, comment id; tab separated) with the
names of the labels beside them, one a line, in `labels.txt` or `emotions.txt`; or one such table;
or a folder that holds them in `ekman/` (seven labels) or `original/` (28), `ekman/` first.

The 28 labels are mapped to seven as the authors do (their ekman_mapping.json). `label.multi` has
all labels of a comment; `label.emotion` is the first listed, which is our choice: labels are listed
in alphabetical order, so the first is not the strongest. `label.multi_original` keeps the source's
words, `label.original` the first of them.

Cautions: 8.9 % of the comments have several of the seven labels: say which rule a one-label figure
uses; speakers are unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import datasets
from emocli.errors import EmptyInputError, MalformedError, UsageError
from emocli.io import tables
from emocli.records import texts

EXPECTED = "a folder with GoEmotions' train.tsv, dev.tsv or test.tsv and labels.txt, or one table"
SPLITS = ("train", "dev", "test")
NAMES = ("labels.txt", "emotions.txt")

_EKMAN = {
    "neutral": "neutral",
    "joy": "joy admiration amusement approval caring desire excitement gratitude love optimism "
    "pride relief",
    "sadness": "sadness disappointment embarrassment grief remorse",
    "anger": "anger annoyance disapproval",
    "fear": "fear nervousness",
    "disgust": "disgust",
    "surprise": "surprise confusion curiosity realization",
}
EKMAN = {word: emotion for emotion, words in _EKMAN.items() for word in words.split()}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a record per comment, the splits in the order train, dev, test."""
    for table in _tables(datasets.exists(path, EXPECTED)):
        names = _names(table.parent)
        with tables.opened(table) as stream:
            for number, _, line in texts.lines(stream, str(table)):
                if line.strip():
                    yield _record(line, names, table.stem, f"{table}:{number}")


def _tables(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    for folder in (path, path / "ekman", path / "original"):
        tables = [folder / f"{split}.tsv" for split in SPLITS]
        if existing := [table for table in tables if table.exists()]:
            return existing
    raise EmptyInputError(f"{path}: no table here", hint=f"expected {EXPECTED}")


def _names(folder: Path) -> list[str]:
    for name in NAMES:
        if (folder / name).exists():
            with tables.opened(folder / name) as stream:
                words = [line.strip() for _, _, line in texts.lines(stream, str(folder / name))]
            words = [word for word in words if word]
            if unknown := [word for word in words if word not in EKMAN]:
                raise MalformedError(f"{folder / name}: unknown GoEmotions label '{unknown[0]}'")
            return words
    raise UsageError(f"{folder}: neither {NAMES[0]} nor {NAMES[1]}", hint=f"expected {EXPECTED}")


def _record(line: str, names: list[str], split: str, where: str) -> dict[str, Any]:
    cells = line.rstrip("\r\n").split("\t")
    if len(cells) != 3:
        raise MalformedError(f"{where}: {len(cells)} cells, not text, labels and id")
    text, numbers, comment = cells
    listed = numbers.split(",")
    if not all(number.isdecimal() and int(number) < len(names) for number in listed):
        last = len(names) - 1
        raise MalformedError(f"{where}: labels are not numbers from 0 to {last}: {numbers}")
    words = [names[int(number)] for number in listed]
    emotions = list(dict.fromkeys(EKMAN[word] for word in words))
    return {
        "id": f"goemotions/{split}/{comment}",
        "dataset": "goemotions",
        **({"split": split} if split in SPLITS else {}),
        "language": "en",
        "text": text,
        "label": {
            "emotion": emotions[0],
            "original": words[0],
            "multi": emotions,
            "multi_original": words,
        },
    }
