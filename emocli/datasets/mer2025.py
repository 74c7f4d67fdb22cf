"""MER2025: 7,369 labelled clips of Chinese films and series, 20,000 to judge; audio, video, text.

Lian, Liu, Xu, Liu, Liu, Zhang, Liu, Li, Cheng, Zuo et al., "MER 2025: When Affective Computing
Meets Large Language Models", ACM Multimedia 2025, https://arxiv.org/abs/2504.19423
Files: https://huggingface.co/datasets/MERChallenge/MER2025, on request, for academic research; not
to be handed on.

Expects a folder with `track1_train_disdim.csv` (columns name, discrete, valence) and, with it or
below, the clips in `video` (`NAME.mp4`) or `audio` (`NAME.wav`); the film is read where both are,
unless --media is audio. Clips of `track1_test_dis.csv`, or of `track_all_candidates.csv`, which has
no labels, have `split` test. Of `subtitle_chieng.csv` come `text` (Chinese) and `english`.

`label.emotion` is null for worried, which is none of the seven. `label.valence` is from -5 to 5.

Cautions: speakers are not named, so no actor can be held out; the labelled clips hold those of
MER2023 and MER2024: never train on one and report on the other. Open vocabulary and descriptions
(track2_*, track3_*) are not read.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from emocli.datasets import _mer
from emocli.records import Record

RELEASE = _mer.Release(
    "mer2025",
    {
        "track1_train_disdim.csv": _mer.Table("train"),
        "track1_test_dis.csv": _mer.Table("test"),
        "track_all_candidates.csv": _mer.Table("test"),
    },
    ("subtitle_chieng.csv", "track1_subtitle_chieng.csv"),
    "a folder with MER2025's track1_train_disdim.csv, or that file",
)


def read(path: Path, media: str = "video") -> Generator[Record, None, list[str]]:
    """Yield a record per row of the tables; a malformed one raises MalformedError."""
    return _mer.read(RELEASE, path, media)
