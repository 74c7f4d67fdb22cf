"""FACED: 123 subjects watch 28 film clips of nine emotions; EEG.

Chen, Wang, Huang, Hu, Shen and Zhang, "A Large Finer-grained Affective Computing EEG Dataset",
Scientific Data 10, 740, 2023, https://doi.org/10.1038/s41597-023-02650-w
Files: https://www.synapse.org/Synapse:syn50614194, with an account; research, terms there.

Expects `Processed_data` (or a folder with it) with the pickles `sub000.pkl` to `sub122.pkl`, each
an array (28 clips, 32 channels, 7500 samples): the last 30 s of each clip at 250 Hz in uV, in the
order of the clips, filtered to 0.05-47 Hz and referenced to their mean by the authors. A record per
clip. Pickles are read without running them; one that would run something is refused.

Clips 1 to 12 are anger, disgust, fear and sadness, three each, 13 to 16 neutral, 17 to 28
amusement, inspiration, joy and tenderness. `label.original` is the clip's; `label.polarity` is
negative, neutral or positive.

Cautions: the raw BDF files and the ratings (`After_remarks.mat`) are not read: their layout is
documented in part only. All subjects saw the same clips, so hold out stimuli as well as subjects;
the emotions are those of the clips. The order of the channels is that of the second cohort, to
which the authors sorted the first; the last two, HEOR and HEOL, are no EEG. Folders of features are
passed over.
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

EXPECTED = "FACED's Processed_data, or one of its files (names like sub000.pkl)"
NAME = re.compile(r"sub(\d{3})\.pkl")
RATE_HZ = 250
_ROWS = """Fp1 Fp2 Fz F3 F4 F7 F8 FC1 FC2 FC5 FC6 Cz C3 C4 T7 T8 CP1 CP2 CP5 CP6 Pz P3 P4 P7 P8
    PO3 PO4 Oz O1 O2 HEOR HEOL"""
CHANNELS = _ROWS.split()
_CLIPS = {
    "negative": {"anger": 3, "disgust": 3, "fear": 3, "sadness": 3},
    "neutral": {"neutral": 4},
    "positive": {"amusement": 3, "inspiration": 3, "joy": 3, "tenderness": 3},
}
EMOTIONS = [  # and polarity, by clip
    (word, polarity)
    for polarity, words in _CLIPS.items()
    for word, count in words.items()
    for _ in range(count)
]


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip and subject; a file that holds something else raises."""
    files, told = datasets.takes(_eeg.found(path, NAME, EXPECTED), prefer="Processed_data")
    for file in files:
        yield from _trials(file)
    return told


def _trials(file: Path) -> Iterator[Record]:
    with _eeg.reading(file):
        shape = array_files.shapes(file).get(array_files.WHOLE, ())
    if len(shape) != 3 or shape[:2] != (len(EMOTIONS), len(CHANNELS)):
        hint = f"expected an array ({len(EMOTIONS)}, {len(CHANNELS)}, time)"
        raise MalformedError(f"{file}: {shape} is no subject of FACED", hint=hint)
    for place, (word, polarity) in enumerate(EMOTIONS):
        label = {"emotion": labels.canonical(word), "original": word, "polarity": polarity}
        yield _eeg.trial(
            file,
            "faced",
            file.stem[len("sub") :],
            (place + 1,),
            stimulus=f"{place + 1:02d}",
            label=label,
            eeg={
                "variable": array_files.WHOLE,
                "index": [place],
                "sample_rate_hz": RATE_HZ,
                "channels": CHANNELS,
                "unit": "uV",
            },
        )
