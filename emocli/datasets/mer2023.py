"""MER2023: clips of Chinese films and series in six emotions, with valence; audio, video and text.

Lian, Sun, Sun, Chen, Xu, Wang, Xu, He, Li, Zhao et al., "MER 2023: Multi-label Learning, Modality
Robustness, and Semi-Supervised Learning", ACM Multimedia 2023,
https://doi.org/10.1145/3581783.3612836
Files: https://huggingface.co/datasets/MERChallenge/MER2023, on request, for academic research; not
to be handed on.

Expects a folder with `train-label.csv`, `test1-label.csv`, `test2-label.csv` or `test3-label.csv`
(columns name, discrete, valence), and clips in `train`, `test1`, `test2`, `test3`, in any folders
with it or below. `NAME.avi` or `.mp4` is read, or `NAME.wav` where that is all there is, or with
--media audio. Of `transcription.csv` come `text` (Chinese) and `english`, where it has them.

`label.emotion` is null for worried, which is none of the seven. `label.valence` is from -5 to 5.

Cautions: speakers are not named, so no actor can be held out; test2 has added noise; MER2024 and
MER2025 hold these clips, too. A `label-6way.npz` of processed copies is not read.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from emocli.datasets import _mer
from emocli.records import Record

RELEASE = _mer.Release(
    "mer2023",
    {
        "train-label.csv": _mer.Table("train", ("train",)),
        "test1-label.csv": _mer.Table("test1", ("test1",)),
        "test2-label.csv": _mer.Table("test2", ("test2",)),
        "test3-label.csv": _mer.Table("test3", ("test3",)),
    },
    ("transcription-engchi-polish.csv", "transcription.csv"),
    "a folder with MER2023's train-label.csv or test1-label.csv, or one of them",
)


def read(path: Path, media: str = "video") -> Generator[Record, None, list[str]]:
    """Yield a record per row of the tables; a malformed one raises MalformedError."""
    return _mer.read(RELEASE, path, media)
