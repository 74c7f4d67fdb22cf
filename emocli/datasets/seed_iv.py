"""SEED-IV: 15 subjects watch 72 film clips in three sessions; EEG, four emotions.

Zheng, Liu, Lu, Lu and Cichocki, "EmotionMeter: A Multimodal Framework for Recognizing Human
Emotions", IEEE Transactions on Cybernetics 49(3), 2019, https://doi.org/10.1109/TCYB.2018.2797176
Files: https://bcmi.sjtu.edu.cn/home/seed/seed-iv.html, on request, for academic research; not to be
handed on.

Expects `eeg_raw_data` (or a folder with it) with the folders 1, 2 and 3 of the sessions, and in
each files named by subject and date, such as `1/3_20151018.mat`, whose variables end in `_eeg1` to
`_eeg24`, (62 channels, time) at 200 Hz. A record per variable. The session is the name of the
folder; labels are those of the authors' ReadMe, the same for all subjects.

Cautions: no clip is shown twice to a subject, but all subjects saw the same ones, so hold out
stimuli as well as subjects; the emotions are those of the clips, not what a subject felt. The unit
is not documented and taken for uV. Folders of features are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

from emocli import datasets
from emocli.datasets import _eeg, seed
from emocli.errors import MalformedError
from emocli.records import Record, labels

EXPECTED = "SEED-IV's eeg_raw_data, or one of its files (such as 1/3_20151018.mat)"
NAME = re.compile(r"(\d{1,2})_(\d{8})\.mat")
WORDS = ("neutral", "sad", "fear", "happy")
CLASSES = {  # by session and clip
    "1": (1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3),
    "2": (2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1),
    "3": (1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0),
}


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip; a file in no folder of a session raises MalformedError."""
    found = _eeg.found(path, NAME, EXPECTED)
    files, told = datasets.takes(found, key=lambda file: f"{file.parent.name}/{file.name}")
    for file in files:
        yield from _trials(file)
    return told


def _trials(file: Path) -> Iterator[Record]:
    match, session = NAME.fullmatch(file.name), file.resolve().parent.name
    assert match
    if session not in CLASSES:
        raise MalformedError(f"{file}: not in a folder 1, 2 or 3", hint=f"expected {EXPECTED}")
    for number, variable in seed.variables(file, len(CLASSES[session])).items():
        word = WORDS[CLASSES[session][number - 1]]
        yield _eeg.trial(
            file,
            "seed-iv",
            f"{int(match[1]):02d}",
            (session, number),
            stimulus=f"{session}-{number:02d}",
            session=session,
            label={"emotion": labels.canonical(word), "original": word},
            eeg=seed.array(variable),
        )
