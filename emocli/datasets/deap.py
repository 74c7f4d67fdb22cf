"""DEAP: 32 subjects watch 40 music videos and rate them; EEG, valence, arousal, dominance.

Koelstra, Mühl, Soleymani, Lee, Yazdani, Ebrahimi, Pun, Nijholt and Patras, "DEAP: A Database for
Emotion Analysis Using Physiological Signals", IEEE Transactions on Affective Computing 3(1), 2012,
https://doi.org/10.1109/T-AFFC.2011.15
Files: https://www.eecs.qmul.ac.uk/mmv/datasets/deap/, on request, for academic research.

Expects `data_preprocessed_python` (s01.dat to s32.dat, pickles of Python 2) or
`data_preprocessed_matlab` (s01.mat to s32.mat), or one file: `data` (40 videos, 40 channels, time)
at 128 Hz, in the order of the videos and not of their presentation, and `labels` (40, 4). A record
per video; `start` and `end` leave out the three seconds before it. The first 32 channels are EEG
in the order of Geneva, filtered to 4-45 Hz and referenced to their mean by the authors. The unit
is not documented and taken for uV.

`label.valence`, `label.arousal` and `label.dominance` are the published ratings, from 1 to 9;
`liking`, on the same scale, is a field of the record. There is no `label.emotion`. Pickles are read
without running them; one that would run something is refused.

Cautions: all subjects saw the same 40 videos, and what the others felt at a video tells more of a
rating than published EEG models do: hold out stimuli as well as subjects. There is no EEG below 4
Hz, so no delta band.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emocli import datasets
from emocli.datasets import _eeg
from emocli.errors import MalformedError
from emocli.records import Record
from emocli.signals import array_files

EXPECTED = "DEAP's data_preprocessed_python or data_preprocessed_matlab, or a file (s01.dat)"
NAME = re.compile(r"s(\d\d)\.(dat|mat)")
RATE_HZ = 128
BASELINE_S = 3.0
LOW, HIGH = 1, 9  # of every rating
RATINGS = ("valence", "arousal", "dominance", "liking")
_ROWS = """Fp1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 Oz Pz Fp2 AF4 Fz F4 F8 FC6 FC2 Cz C4
    T8 CP6 CP2 P4 P8 PO4 O2 hEOG vEOG zEMG tEMG GSR Respiration Plethysmograph Temperature"""
CHANNELS = _ROWS.split()


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per video and subject; a file that holds something else raises."""
    found = _eeg.found(path, NAME, EXPECTED)
    files, told = datasets.takes(found, key=lambda file: file.stem)
    for file in files:
        yield from _trials(file)
    return told


def _trials(file: Path) -> Iterator[Record]:
    seconds, ratings = _contents(file)
    subject = file.stem[1:]
    for place, row in enumerate(ratings):
        where = f"{file}: a rating of video {place + 1}"
        given = {n: _eeg.rating(v, LOW, HIGH, where) for n, v in zip(RATINGS, row, strict=True)}
        liking = given.pop("liking")
        yield _eeg.trial(
            file,
            "deap",
            subject,
            (place + 1,),
            stimulus=f"{place + 1:02d}",
            start=BASELINE_S,
            end=seconds,
            label=given,
            liking=liking,
            eeg={
                "variable": "data",
                "index": [place],
                "sample_rate_hz": RATE_HZ,
                "channels": CHANNELS,
                "unit": "uV",
            },
        )


def _contents(file: Path) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the seconds of a trial, and the ratings (videos, 4)."""
    with _eeg.reading(file):
        shape = array_files.shapes(file).get("data", ())
        ratings = array_files.load(file, "labels").astype(np.float64)
    if len(shape) != 3 or shape[1] != len(CHANNELS) or ratings.shape != (shape[0], len(RATINGS)):
        there = f"data {shape}, labels {ratings.shape}"
        hint = f"expected data (videos, {len(CHANNELS)}, time), labels (videos, {len(RATINGS)})"
        raise MalformedError(f"{file}: {there}", hint=hint)
    if shape[2] <= BASELINE_S * RATE_HZ:
        raise MalformedError(
            f"{file}: {shape[2]} samples are no trial of {BASELINE_S:g} s and more"
        )
    return shape[2] / RATE_HZ, ratings
