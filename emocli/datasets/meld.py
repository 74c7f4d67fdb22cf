"""MELD: 13,708 utterances of the television series Friends; text, and clips where you have them.

Poria, Hazarika, Majumder, Naik, Cambria and Mihalcea, "MELD: A Multimodal Multi-Party Dataset for
Emotion Recognition in Conversations", ACL 2019, https://arxiv.org/abs/1810.02508
Files: https://github.com/declare-lab/MELD, GPL-3.0 repository; television dialogue: research use.

Expects `train_sent_emo.csv`, `dev_sent_emo.csv` or `test_sent_emo.csv`, or a folder with some of
them, or with folders `train`, `dev`, `test` that have them. Clips `dia0_utt3.mp4` (or .flac, .wav;
--media audio takes these first) are found in `train_splits/`, `dev_splits_complete/` and
`output_repeated_splits_test/`, as the archives unpack, in `train/`, `dev/`, `test/`, or beside the
only table in its folder; they give records a `path`.

The times are those of the episode, not of the clip, so they stand under `episode`, where no stage
takes them for the part of `path` to cut out. `label.polarity` is the published sentiment.

Cautions: 47 % neutral; the six leads speak in every split; ECF's training part holds many of the
dev and test lines, so never train on one and report on the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import labels

EXPECTED = "a folder with MELD's train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv, or one"
COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")
# One published time has fewer than three digits of milliseconds: as in SubRip, 47,28 is 47.028 s.
TIME = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})")
CLIPS = {
    "train": ("train_splits", "train"),
    "dev": ("dev_splits_complete", "dev"),
    "test": ("output_repeated_splits_test", "test"),
}
SUFFIXES = {"video": (".mp4", ".flac", ".wav"), "audio": (".flac", ".wav", ".mp4")}


def read(path: Path, media: str = "video") -> Iterator[dict[str, Any]]:
    """Yield a record per utterance, the splits in the order train, dev, test."""
    for table in _tables(datasets.exists(path, EXPECTED)):
        split = table.stem.split("_")[0]
        folders = _clip_folders(table, split)
        find = partial(_clip, folders, SUFFIXES[media])
        for where, row in tables.cells(table, COLUMNS):
            yield _record(row, split, find, where)


def _tables(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    existing = []
    for split in CLIPS:
        places = (path / f"{split}_sent_emo.csv", path / split / f"{split}_sent_emo.csv")
        existing += [table for table in places if table.exists()][:1]
    if not existing:
        raise EmptyInputError(f"{path}: no table here", hint=f"expected {EXPECTED}")
    return existing


def _clip_folders(table: Path, split: str) -> list[Path]:
    unpacked = CLIPS.get(split, ())
    folders = [table.parent / name for name in (*unpacked, *(f"{split}/{n}" for n in unpacked[:1]))]
    if len(list(table.parent.glob("*_sent_emo.csv"))) <= 1:  # else whose dia0_utt0.mp4 is it?
        folders.append(table.parent)
    return [folder for folder in folders if folder.is_dir()]


def _record(
    row: dict[str, str], split: str, find: Callable[[str], Path | None], where: str
) -> dict[str, Any]:
    if labels.canonical(row["Emotion"]) is None:
        raise MalformedError(f"{where}: unknown MELD emotion '{row['Emotion']}'")
    if not (row["Dialogue_ID"].isdecimal() and row["Utterance_ID"].isdecimal()):
        raise MalformedError(f"{where}: Dialogue_ID and Utterance_ID are not numbers")
    dialogue, turn = int(row["Dialogue_ID"]), int(row["Utterance_ID"])
    record: dict[str, Any] = {"id": f"meld/{split}/dia{dialogue}_utt{turn}"}
    if clip := find(f"dia{dialogue}_utt{turn}"):
        record["path"] = records.of_path(str(clip))["path"]
    record |= {"dataset": "meld"} | ({"split": split} if split in CLIPS else {})
    return record | {
        "speaker": row["Speaker"],
        "dialogue": f"meld/{split}/dia{dialogue}",
        "turn": turn,
        "language": "en",
        "text": row["Utterance"],
        "episode": _episode(row, where),
        "label": {
            "emotion": labels.canonical(row["Emotion"]),
            "original": row["Emotion"],
            "polarity": row["Sentiment"],
        },
    }


def _clip(folders: list[Path], suffixes: tuple[str, ...], name: str) -> Path | None:
    clips = (folder / f"{name}{suffix}" for suffix in suffixes for folder in folders)
    return next((clip for clip in clips if clip.exists()), None)


def _episode(row: dict[str, str], where: str) -> dict[str, Any]:
    """Return season, number, and start and end in seconds from the start of the episode."""
    numbers = {"season": row.get("Season"), "number": row.get("Episode")}
    times = {"start": row.get("StartTime"), "end": row.get("EndTime")}
    return {k: int(v) for k, v in numbers.items() if v and v.isdecimal()} | {
        key: _seconds(time, where) for key, time in times.items() if time
    }


def _seconds(time: str, where: str) -> float:
    match = TIME.fullmatch(time.strip())
    if not match:
        raise MalformedError(f"{where}: not a time such as 00:16:16,059: '{time}'")
    hours, minutes, seconds, milliseconds = (int(part) for part in match.groups())
    return (((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds) / 1000
