"""What the readers of EEG share: their files by name, and the record of a trial.

`eeg` of such a record says what is not in the file. Where an array holds the samples, which
`signals.eeg_arrays` opens:
    variable        its name; "" where the file is one array; `DREAMER.Data{4}.EEG` leads inside
    index           into its leading axes, from 0; absent where the variable is the trial
    sample_rate_hz, channels (the names of all rows, also of those that are no EEG), unit
Where mne reads the file, what is to be used of it:
    channels        the names of the channels that are EEG
    bad             those of them that the authors call bad
    unit            of the numbers, where the header gives none
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError, RecordError
from emocli.records import Record

# The cap of 62 electrodes of SEED, SEED-IV and SEED-VII, as their `Channel Order.xlsx` has it.
_SEED = """Fp1 Fpz Fp2 AF3 AF4 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6
    FT8 T7 C5 C3 C1 Cz C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8
    PO7 PO5 PO3 POz PO4 PO6 PO8 CB1 O1 Oz O2 CB2"""
SEED_CHANNELS = _SEED.split()
SEED_RATE_HZ = 200  # of the arrays; the recordings were made at 1000 Hz
DERIVED = re.compile("feature", re.IGNORECASE)  # folders of features, whose files have like names


def found(path: Path, name: re.Pattern[str], expected: str) -> list[Path]:
    """Return the files at or below a path that are named so, by the numbers in their names.

    Hidden files and folders, and folders of features, are passed over. Raises UsageError where
    nothing is there, EmptyInputError where no file is named so.
    """
    if datasets.exists(path, expected).is_file():
        if not name.fullmatch(path.name):
            raise MalformedError(f"{path}: not a name of this dataset", hint=f"expected {expected}")
        return [path]
    files = []
    for folder, inner, names in os.walk(path, followlinks=True):
        inner[:] = sorted(n for n in inner if not (n.startswith(".") or DERIVED.search(n)))
        files += [Path(folder, n) for n in names if name.fullmatch(n)]
    if not files:
        raise EmptyInputError(f"{path}: no such file here", hint=f"expected {expected}")
    return sorted(files, key=lambda file: (numbers(file.name), str(file)))


def numbers(name: str) -> list[int]:
    """Return the numbers in a name, by which files are sorted."""
    return [int(digits) for digits in re.findall(r"\d+", name)]


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn what is wrong with a file into a MalformedError that names it."""
    try:
        yield
    except RecordError as error:
        raise MalformedError(f"{file}: {error.message}", hint=error.hint) from None


def trial(file: Path, dataset: str, subject: str, part: Sequence[object], **fields: Any) -> Record:
    """Return the record of a trial of a file: `part` is its session, its number and the like."""
    name = "-".join(str(word) for word in part)
    record = records.of_path(str(file))
    record["id"] = f"{record['id']}#{part[-1]}"
    speaker = f"{dataset}-{subject}"
    stimulus = fields.pop("stimulus")
    about = {"dataset": dataset, "speaker": speaker, "stimulus": f"{dataset}-{stimulus}"}
    return {**record, **about, "trial": f"{speaker}-{name}", **fields}


def rating(value: object, low: float, high: float, where: str) -> float:
    """Return a rating; MalformedError where it is no number of its scale."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high:
        raise MalformedError(f"{where} is not from {low:g} to {high:g}: {value!r:.40}")
    return number
