"""MER2024: 5,030 labelled clips of Chinese films and series, and many others; audio, video, text.

Lian, Sun, Sun, Wen, Zhang, Chen, Gu, Zhao, Ma, Chen et al., "MER 2024: Semi-Supervised Learning,
Noise Robustness, and Open-Vocabulary Multimodal Emotion Recognition", MRAC 2024,
https://doi.org/10.1145/3689092.3689959
Files: https://github.com/zeroQiaoba/MERTools, on request, for academic research; not to be handed
on.

Expects a folder with `label-disdim.csv` (columns name, discrete, valence) and clips in
`video-labeled`, in any folders with it or below; clips of `candidate_20000.csv` or `semi-label.csv`
in `video-unlabeled-with-test2noise`, else `video-unlabeled`, have `split` test. `NAME.mp4` or
`.avi` is read, or `NAME.wav` where that is all there is, or with --media audio. Of
`label-transcription.csv` come `text` (Chinese) and `english`.

`label.emotion` is null for worried, which is none of the seven. `label.valence` is from -5 to 5.

Cautions: speakers are not named, so no actor can be held out; the labelled clips are, by their
number, those of all parts of MER2023: never train on one and report on the other. The open
vocabulary is not read, nor is a `label-6way.npz`.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from emocli.datasets import _mer
from emocli.records import Record

TEST = _mer.Table("test", ("video-unlabeled-with-test2noise",))

RELEASE = _mer.Release(
    "mer2024",
    {
        "label-disdim.csv": _mer.Table("train", ("video-labeled", "audio-labeled")),
        "semi-label.csv": TEST,
        "candidate_20000.csv": TEST,
    },
    ("label-transcription.csv", "transcription-engchi-polish.csv", "transcription.csv"),
    "a folder with MER2024's label-disdim.csv, or that file",
)


def read(path: Path, media: str = "video") -> Generator[Record, None, list[str]]:
    """Yield a record per row of the tables; a malformed one raises MalformedError."""
    return _mer.read(RELEASE, path, media)
