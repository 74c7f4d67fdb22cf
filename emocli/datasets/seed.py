"""SEED: 15 subjects watch 15 Chinese film clips in three sessions; EEG, three classes.

Zheng and Lu, "Investigating Critical Frequency Bands and Channels for EEG-Based Emotion Recognition
with Deep Neural Networks", IEEE Transactions on Autonomous Mental Development 7(3), 2015,
https://doi.org/10.1109/TAMD.2015.2431497
Files: https://bcmi.sjtu.edu.cn/home/seed/, on request, for academic research; not to be handed on.

Expects `Preprocessed_EEG` (or a folder with it) with files named by subject and date, such as
`3_20140611.mat`, whose variables end in `_eeg1` to `_eeg15`, (62 channels, time) at 200 Hz. A
record per variable. `session` is the date. Labels are those of the authors' `label.mat`, which is
the same for all; `label.polarity` is positive, neutral or negative, and `label.emotion` is neutral
or null, since a positive film names no emotion of the seven.

Cautions: the three sessions show the same 15 clips, and several clips are of one film, so hold
out stimuli as well as subjects; the classes are those of the clips, not what a subject felt. The
unit is not documented and taken for uV. Folders of features are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

from emocli import datasets
from emocli.datasets import _eeg
from emocli.errors import MalformedError
from emocli.records import Record, labels
from emocli.signals import array_files

EXPECTED = "SEED's Preprocessed_EEG, or one of its files (names like 3_20140611.mat)"
NAME = re.compile(r"(\d{1,2})_(\d{8})\.mat")
VARIABLE = re.compile(r"\w*_eeg(\d+)")
WORDS = {1: "positive", 0: "neutral", -1: "negative"}
CLASSES = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)  # by clip


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip; a file without trials raises MalformedError."""
    found = _eeg.found(path, NAME, EXPECTED)
    files, told = datasets.takes(found, prefer="Preprocessed_EEG")
    for file in files:
        yield from _trials(file)
    return told


def _trials(file: Path) -> Iterator[Record]:
    match = NAME.fullmatch(file.name)
    assert match
    subject, date = f"{int(match[1]):02d}", match[2]
    for number, variable in variables(file, len(CLASSES)).items():
        word = WORDS[CLASSES[number - 1]]
        label = {"emotion": labels.canonical(word), "original": word, "polarity": word}
        yield _eeg.trial(
            file,
            "seed",
            subject,
            (date, number),
            stimulus=f"{number:02d}",
            session=date,
            label=label,
            eeg=array(variable),
        )


def variables(file: Path, most: int) -> dict[int, str]:
    """Return the variables of a file that are trials, by number; MalformedError if none is."""
    with _eeg.reading(file):
        names = array_files.shapes(file)
    matches = filter(None, map(VARIABLE.fullmatch, names))
    found = {int(match[1]): match[0] for match in matches if 1 <= int(match[1]) <= most}
    if not found:
        has = ", ".join(list(names)[:5]) or "nothing"
        raise MalformedError(f"{file}: no trials in it", hint=f"expected ..._eeg1, it has {has}")
    return dict(sorted(found.items()))


def array(variable: str) -> Record:
    """Return what the file does not say of a variable of SEED's arrays."""
    about = {"sample_rate_hz": _eeg.SEED_RATE_HZ, "channels": _eeg.SEED_CHANNELS, "unit": "uV"}
    return {"variable": variable, **about}
