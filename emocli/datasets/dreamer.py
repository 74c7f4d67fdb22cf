"""DREAMER: 23 subjects watch 18 film clips and rate them; EEG of 14 channels, three ratings.

Katsigiannis and Ramzan, "DREAMER: A Database for Emotion Recognition Through EEG and ECG Signals
From Wireless Low-cost Off-the-Shelf Devices", IEEE Journal of Biomedical and Health Informatics
22(1), 2018, https://doi.org/10.1109/JBHI.2017.2688239
Files: https://zenodo.org/records/546113, on request, for academic research.

Expects `DREAMER.mat`, or a folder with it: the struct `DREAMER` with the cell `Data` of the
subjects, each with `EEG.stimuli`, a cell of matrices (time, 14 channels) at 128 Hz, and
`ScoreValence`, `ScoreArousal` and `ScoreDominance`, (18, 1). A record per clip and subject;
`EEG.baseline` is not read. The unit is not documented and taken for uV.

`label.valence`, `label.arousal` and `label.dominance` are the published ratings, from 1 to 5. There
is no `label.emotion`: the emotion for which a clip was chosen is in the paper, not in the file.

Cautions: all subjects saw the same 18 clips, so hold out stimuli as well as subjects; the samples
have an offset of some 4000 uV, which filters remove; one deflated stream holds everything, so each
process inflates up to the trial that it reads first, which takes up to ten seconds.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from emocli import datasets
from emocli.datasets import _eeg
from emocli.errors import MalformedError
from emocli.records import Record
from emocli.signals import mat_files

EXPECTED = "DREAMER.mat, or a folder with it"
NAME = re.compile(r"DREAMER\.mat")
RATE_HZ = 128
LOW, HIGH = 1, 5  # of every rating
_ROWS = "AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4"
CHANNELS = _ROWS.split()
RATINGS = {
    "valence": "ScoreValence",
    "arousal": "ScoreArousal",
    "dominance": "ScoreDominance",
}


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip and subject; a file of something else raises MalformedError."""
    files, told = datasets.takes(_eeg.found(path, NAME, EXPECTED))
    for file in files:
        for subject in range(1, _values(file, "DREAMER.Data").size + 1):
            yield from _trials(file, subject)
    return told


def _trials(file: Path, subject: int) -> Iterator[Record]:
    person = f"DREAMER.Data{{{subject}}}"
    stimuli = f"{person}.EEG.stimuli"
    count = _values(file, stimuli).size
    ratings = {name: _values(file, f"{person}.{field}").ravel() for name, field in RATINGS.items()}
    if any(len(given) != count for given in ratings.values()):
        raise MalformedError(
            f"{file}: subject {subject} has not one rating for each of {count} clips"
        )
    about = _about(file, person)
    for number in range(1, count + 1):
        where = f"{file}: a rating by subject {subject} of clip {number}"
        label = {n: _eeg.rating(v[number - 1], LOW, HIGH, where) for n, v in ratings.items()}
        record = _eeg.trial(
            file,
            "dreamer",
            f"{subject:02d}",
            (number,),
            stimulus=f"{number:02d}",
            **about,
            label=label,
            eeg={
                "variable": f"{stimuli}{{{number}}}",
                "sample_rate_hz": RATE_HZ,
                "channels": CHANNELS,
                "unit": "uV",
            },
        )
        record["id"] = f"{record['id'].rpartition('#')[0]}#{subject}-{number}"
        yield record


def _values(file: Path, variable: str) -> np.ndarray:
    with _eeg.reading(file):
        try:
            return mat_files.load(file, variable)
        except (KeyError, IndexError):
            there = ", ".join(list(mat_files.contents(file))[:5]) or "nothing"
    raise MalformedError(
        f"{file}: no {variable} in it: it has {there}", hint=f"expected {EXPECTED}"
    )


def _about(file: Path, person: str) -> Record:
    """Return age and gender, where the file has them."""
    found: Record = {}
    for name, field in (("age", "Age"), ("gender", "Gender")):
        try:
            words = [str(word) for word in mat_files.load(file, f"{person}.{field}").ravel()]
        except (KeyError, IndexError):
            continue
        text = words[0].strip().lower() if words else ""
        if name == "gender" and text in ("male", "female"):
            found[name] = text
        elif name == "age" and text.isdecimal():
            found[name] = int(text)
    return found
