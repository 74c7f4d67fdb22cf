"""SEED-VII: 20 subjects watch 80 film clips in four sessions; EEG, all seven emotions.

Jiang, Liu, Zheng and Lu, "SEED-VII: A Multimodal Dataset of Six Basic Emotions With Continuous
Labels for Emotion Recognition", IEEE Transactions on Affective Computing 16(2), 2025,
https://doi.org/10.1109/TAFFC.2024.3485057
Files: https://bcmi.sjtu.edu.cn/home/seed/seed-vii.html, on request, for academic research; not to
be handed on.

Expects `EEG_preprocessed` with `1.mat` to `20.mat`, whose variables are called 1 to 80, (62
channels, time) at 200 Hz in uV; or `EEG_raw` with Neuroscan files named by subject, date and
session, such as `3_20221009_1.cnt`; or a folder with one of them. Where both are, the .mat files
are read. A record per clip, with `start` and `end` in a .cnt: its annotations are the start and the
end of each of the 20 clips in turn. Labels are in the authors' order of clips, the same for all.

Two recordings, 14_20221015_1 and 9_20221111_3, have wrong annotations, as the authors' code says;
for these `save_info/NAME_trigger_info.csv` is read, beside the recording or its folder.

Cautions: all subjects saw the same clips in the same order, so hold out stimuli as well as
subjects; the emotions are those of the clips, and the continuous labels of their intensity are not
read; a session has five emotions, so session and emotion are confounded. Folders of features are
passed over.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Generator, Iterator
from pathlib import Path

from emocli import datasets
from emocli.datasets import _eeg, seed
from emocli.errors import MalformedError
from emocli.io import tables
from emocli.records import Record, labels, texts
from emocli.signals import array_files, eeg_files

EXPECTED = "SEED-VII's EEG_preprocessed or EEG_raw (names like 3.mat or 3_20221009_1.cnt)"
ARRAYS = re.compile(r"(\d{1,2})\.mat")
RECORDINGS = re.compile(r"(\d{1,2})_(\d{8})_([1-4])\.cnt")
NAME = re.compile(f"{ARRAYS.pattern}|{RECORDINGS.pattern}")
OTHERS = {"continuous_labels", "save_info"}  # folders of files that are named alike
WORDS = {
    "H": "Happy", "N": "Neutral", "D": "Disgust", "S": "Sad", "A": "Anger", "F": "Fear",
    "P": "Surprise",
}  # fmt: skip
ORDER = "HNDSA ASDNH" * 2, "ASFNP PNFSA" * 2, "HPDFA AFDPH" * 2, "DSFPH HPFSD" * 2  # by session
CLIPS = [WORDS[letter] for session in ORDER for letter in session if letter != " "]
IN_SESSION = len(CLIPS) // len(ORDER)
# When these recordings began, by the clock of their triggers, as the authors' code has it.
BEGAN = {"14_20221015_1": "14:25:34", "9_20221111_3": "14:01:27"}
UNTIMED = "whose times are not known"


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip; a file without trials raises MalformedError."""
    found = [f for f in _eeg.found(path, NAME, EXPECTED) if f.parent.name not in OTHERS]
    files, told = datasets.takes(found, prefer="EEG_preprocessed")
    arrays = [file for file in files if file.suffix == ".mat"]
    for file in arrays:
        yield from _arrays(file)
    recordings = [file for file in files if file.suffix != ".mat"]
    if arrays:
        return told + datasets.left_out(recordings, "since the .mat files have the same trials")
    untimed = []
    for file in recordings:
        times = _times(file)
        if len(times) < IN_SESSION:
            untimed.append(file)
        else:
            yield from _recording(file, times)
    return told + datasets.left_out(untimed, UNTIMED)


def _arrays(file: Path) -> Iterator[Record]:
    with _eeg.reading(file):
        names = array_files.shapes(file)
    numbers = [n for n in range(1, len(CLIPS) + 1) if str(n) in names]
    if not numbers:
        has = ", ".join(list(names)[:5]) or "nothing"
        raise MalformedError(f"{file}: no trials in it", hint=f"expected 1 to 80, it has {has}")
    for number in numbers:
        yield _trial(file, int(file.stem), number) | {"eeg": seed.array(str(number))}


def _recording(file: Path, times: list[tuple[float, float]]) -> Iterator[Record]:
    match = RECORDINGS.fullmatch(file.name)
    assert match
    before = (int(match[3]) - 1) * IN_SESSION
    for place, (start, end) in enumerate(times[:IN_SESSION], before + 1):
        record = _trial(file, int(match[1]), place)
        yield record | {"start": start, "end": end, "eeg": {"channels": _eeg.SEED_CHANNELS}}


def _trial(file: Path, subject: int, number: int) -> Record:
    word = CLIPS[number - 1]
    return _eeg.trial(
        file,
        "seed-vii",
        f"{subject:02d}",
        (number,),
        stimulus=f"{number:02d}",
        session=str(1 + (number - 1) // IN_SESSION),
        label={"emotion": labels.canonical(word), "original": word},
    )


def _times(file: Path) -> list[tuple[float, float]]:
    """Return the start and the end of each clip in seconds; nothing if they are not known."""
    if file.stem in BEGAN:
        marks = _clock(file)
    else:
        with _eeg.reading(file):
            marks = [mark.start for mark in eeg_files.marks(file)]
    pairs = [(round(a, 3), round(b, 3)) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    return pairs if all(0 <= start < end for start, end in pairs) else []


def _clock(file: Path) -> list[float]:
    """Return the seconds of the triggers that stand in a table with the time of day."""
    places = (file.parent, file.parent.parent)
    name = f"save_info/{file.stem}_trigger_info.csv"
    table = next((place / name for place in places if (place / name).exists()), None)
    if table is None:
        return []
    began = datetime.time.fromisoformat(BEGAN[file.stem])
    try:
        with tables.opened(table) as stream:
            rows = csv.reader(io.StringIO(texts.decoded(stream.read())))
            clock = [datetime.time.fromisoformat(row[1].split()[-1]) for row in rows if row]
    except (ValueError, IndexError, csv.Error) as error:
        raise MalformedError(f"{table}: not a table of triggers: {error}") from None
    return [_of_day(time) - _of_day(began) for time in clock]


def _of_day(time: datetime.time) -> float:
    return time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6
