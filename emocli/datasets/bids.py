"""BIDS: EEG recordings of any study, with its events as segments; needs `emocli[eeg]`.

Pernet, Appelhoff, Gorgolewski, Flandin, Phillips, Delorme and Oostenveld, "EEG-BIDS, an Extension
to the Brain Imaging Data Structure for Electroencephalography", Scientific Data 6, 103, 2019,
https://doi.org/10.1038/s41597-019-0104-8
Files: such as those of https://openneuro.org, mostly CC0; other research data has its own terms.

Expects a folder with `dataset_description.json` and recordings such as
`sub-01/eeg/sub-01_task-film_eeg.edf` (.edf, .bdf, .vhdr, .set), which mne-bids finds. A record per
row of its `events.tsv`, with `start` and `end` by onset and duration; an event without duration
lasts until the next. A recording without events is one record, and that is said.

`trial_type` is read as a label, `stim_file` (or stimulus, stim_id, film, video, song) is
`stimulus`, and events with the same number in a column `trial` are one `trial`; otherwise each is
one. Columns valence, arousal, dominance and sentiment are those of the label, on the study's scale.
`speaker` is the name of the study and the subject; `session`, `task` and `run` are those of the
file's name; age, sex, gender, handedness and group are those in `participants.tsv`. Of
`channels.tsv`, `eeg.channels` are the channels whose type is EEG, `eeg.bad` those of them whose
status is bad; `eeg.unit` is given where the header of an EDF or BDF file gives no unit.

Cautions: a trial_type that is no emotion has a null label.emotion: choose the events that you want;
triggers and responses are events, too. What lies in derivatives and sourcedata is not read.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.datasets import _bids
from emocli.errors import ConfigError, EmptyInputError
from emocli.io import ids
from emocli.records import Record, labels

EXPECTED = "a BIDS folder, with dataset_description.json and sub-*/eeg/*_eeg.edf (.bdf .vhdr .set)"
DESCRIPTION = "dataset_description.json"
SUFFIXES = (".edf", ".bdf", ".vhdr", ".set")
STIMULI = ("stim_file", "stimulus", "stimulus_id", "stim_id", "film", "video", "song")
TRIALS = ("trial", "trial_id", "trial_number")
NAMES = {"ses": "session", "task": "task", "run": "run"}


@dataclass
class Study:
    """A BIDS folder, and what is to be told of it."""

    root: Path
    name: str
    people: dict[str, dict[str, Any]]
    without_events: list[Path] = field(default_factory=list)
    without_onset: int = 0
    unique: ids.Numbered = field(default_factory=ids.Numbered)


@dataclass(frozen=True)
class Event:
    """A row of events: where it begins and, if it is known, ends, in seconds."""

    start: float
    end: float | None
    row: dict[str, str]


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per event, or per recording where it has no events."""
    root = datasets.exists(path, EXPECTED)
    if not (root / DESCRIPTION).is_file():
        raise EmptyInputError(f"{path}: no {DESCRIPTION} here", hint=f"expected {EXPECTED}")
    files, told = _recordings(root)
    if not files:
        raise EmptyInputError(f"{path}: no EEG recording here", hint=f"expected {EXPECTED}")
    name = str(_bids.contents(root / DESCRIPTION).get("Name") or root.resolve().name)
    study = Study(root, _slug(name), _bids.participants(root))
    for file in files:
        yield from _segments(file, study)
    return told + _told(study, len(files))


def _recordings(root: Path) -> tuple[list[Path], list[str]]:
    """Return the recordings of the study itself, and what to tell of other files."""
    found = _found(root)
    every = [f for s in SUFFIXES for f in sorted(root.rglob(f"*_eeg{s}")) if f.is_file()]
    names = {file.name for file in found}
    rest = [file for file in every if file not in found]
    copies = [file for file in rest if file.name in names or not _of_study(file, root)]
    odd = [file for file in rest if file not in copies]
    told = datasets.left_out(copies, "as second files of takes that are there")
    return sorted(found), told + datasets.left_out(odd, "whose names are not those of BIDS")


def _found(root: Path) -> set[Path]:
    try:
        import mne_bids
    except ImportError as error:
        message = f"BIDS folders need mne-bids: {error}"
        raise ConfigError(message, hint="pip install 'emocli[eeg]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = mne_bids.find_matching_paths(
            root, datatypes="eeg", suffixes="eeg", extensions=list(SUFFIXES), ignore_nosub=True
        )
    files = [Path(path.fpath) for path in paths if path.subject]
    return {file for file in files if file.is_file() and _of_study(file, root)}


def _of_study(file: Path, root: Path) -> bool:
    return file.relative_to(root).parts[0].startswith("sub-")


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.casefold()).strip("-") or "bids"


def _told(study: Study, count: int) -> list[str]:
    told = []
    if without := study.without_events:
        several = len(without) > 1
        kinds = f"{len(without)} of {count} recordings {'have' if several else 'has'} no events"
        whole = "each is one record" if several else "it is one record"
        told.append(f"{kinds}, such as {without[0]}: {whole}")
    if number := study.without_onset:
        what = "events without an onset are" if number > 1 else "event without an onset is"
        told.append(f"{number} {what} left out")
    return told


def _segments(file: Path, study: Study) -> Iterator[Record]:
    whole = _whole(file, study)
    found = _events(file, study)
    if not found:
        study.without_events.append(file)
        yield {**whole, "id": study.unique(whole["id"]), "trial": f"{study.name}-{_take(file)}"}
    for number, event in enumerate(found, 1):
        end = "" if event.end is None else f"{event.end:.2f}"
        times = {"start": event.start} | ({} if event.end is None else {"end": event.end})
        yield {
            **whole,
            "id": study.unique(f"{whole['id']}#{event.start:.2f}-{end}"),
            **times,
            "trial": f"{study.name}-{_take(file)}_{_trial(event.row, number)}",
            **_about(event.row),
        }


def _whole(file: Path, study: Study) -> Record:
    """Return the record of a recording."""
    entities = _bids.entities(file.name)
    subject = entities["sub"]
    found: Record = {**records.of_path(str(file)), "dataset": "bids", "study": study.name}
    found["speaker"] = f"{study.name}-{subject}"
    found |= {name: entities[key] for key, name in NAMES.items() if key in entities}
    found |= study.people.get(subject, {})
    channels = _bids.channels(file, study.root)
    return found | ({"eeg": channels} if channels else {})


def _take(file: Path) -> str:
    return file.name.rpartition("_")[0]


def _trial(row: dict[str, str], number: int) -> str:
    said = next((row[name] for name in TRIALS if name in row), None)
    return f"trial-{said}" if said else f"event-{number}"


def _about(row: dict[str, str]) -> Record:
    """Return what a row says of its event: stimulus and label."""
    stimulus = next((row[name] for name in STIMULI if name in row), None)
    about: Record = {"stimulus": stimulus} if stimulus else {}
    label: Record = {}
    if word := row.get("trial_type"):
        label = {"emotion": labels.canonical(word), "original": word}
    rated = {name: _bids.number(row.get(name)) for name in labels.NUMBERS}
    label |= {name: value for name, value in rated.items() if value is not None}
    return about | ({"label": label} if label else {})


def _events(file: Path, study: Study) -> list[Event]:
    """Return the events of a recording in the order of their onsets."""
    table = _bids.beside(file, study.root, "events.tsv")
    if table is None:
        return []
    timed = []
    for _, row in _bids.rows(table, "onset"):
        onset = _bids.number(row.get("onset"))
        if onset is None or onset < 0:
            study.without_onset += 1
        else:
            timed.append((onset, row))
    timed.sort(key=lambda event: event[0])
    sheet = _bids.beside(file, study.root, "eeg.json")
    last = _bids.contents(sheet).get("RecordingDuration") if sheet and timed else None
    onsets = [onset for onset, _ in timed]
    return [Event(round(at, 6), _end(at, row, onsets, last), row) for at, row in timed]


def _end(onset: float, row: dict[str, str], onsets: list[float], last: Any) -> float | None:
    """Return the end by the duration, else the next onset, else the end of the recording."""
    duration = _bids.number(row.get("duration")) or 0.0
    if duration > 0:
        return round(onset + duration, 6)
    place = bisect_right(onsets, onset)
    following = onsets[place] if place < len(onsets) else None
    if following is None and type(last) in (int, float) and last > onset:
        following = float(last)
    return None if following is None else round(following, 6)
