"""The tables and JSON files that lie beside the recordings of a BIDS folder.

They are read plainly, since what they mean is specified, in any encoding with a byte order mark. A
file is about a recording if all entities in its name (`task-film`) are in that of the recording; it
lies in the recording's folder or above, and the nearest, and there the most specific, is taken.
(mne-bids gives a recording without a run the events of run 1.)

BIDS 1.10: https://bids-specification.readthedocs.io, "the inheritance principle".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli.errors import MalformedError
from emocli.io import tables
from emocli.records import texts
from emocli.signals import edf_header, edf_records

ABSENT = ("", "n/a")
UNITS = {"V": "V", "mV": "mV", "uV": "uV", "µV": "uV", "μV": "uV", "microV": "uV"}
SAID = ("age", "sex", "gender", "handedness", "group")  # of a participant; others stay behind

Row = dict[str, str]


def entities(name: str) -> dict[str, str]:
    """Return the entities in the name of a file.

    >>> entities("sub-01_task-film_eeg.edf")
    {'sub': '01', 'task': 'film'}
    """
    pairs = (part.partition("-") for part in name.split("_")[:-1])
    return {key: value for key, _, value in pairs}


def beside(recording: Path, root: Path, ending: str) -> Path | None:
    """Return the file of an ending ("events.tsv") that is about a recording, or None."""
    mine = entities(recording.name).items()
    for folder in recording.parents:
        names = [file.name for file in folder.iterdir() if _ends(file.name, ending)]
        fitting = [name for name in names if entities(name).items() <= mine]
        if fitting:
            return folder / max(sorted(fitting), key=lambda name: len(entities(name)))
        if folder == root:
            break
    return None


def _ends(name: str, ending: str) -> bool:
    return name == ending or name.endswith(f"_{ending}")


def rows(table: Path, *columns: str) -> Iterator[tuple[str, Row]]:
    """Yield the place and the cells of each row of a table, without those that are absent."""
    for where, row in tables.cells(table, columns, tabs=True):
        yield where, {key: cell.strip() for key, cell in row.items() if cell.strip() not in ABSENT}


def contents(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; MalformedError for anything else."""
    try:
        with tables.opened(file) as stream:
            found = json.loads(texts.decoded(stream.read()))
    except (ValueError, RecursionError) as error:
        hint = texts.HINT if isinstance(error, UnicodeDecodeError) else ""
        raise MalformedError(f"{file}: {texts.reason(error)}", hint=hint) from None
    if not isinstance(found, dict):
        raise MalformedError(f"{file}: not an object")
    return found


def number(cell: str | None) -> float | None:
    """Return the number in a cell, or None if it has none."""
    try:
        value = float(cell or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def participants(root: Path) -> dict[str, dict[str, Any]]:
    """Return what is said of each participant, by name ("01")."""
    table = root / "participants.tsv"
    if not table.is_file():
        return {}
    found = {}
    for _, row in rows(table, "participant_id"):
        said: dict[str, Any] = {name: row[name] for name in SAID if name in row}
        if (age := number(row.get("age"))) is not None:
            said["age"] = int(age) if age.is_integer() else age
        found[re.sub("^sub-", "", row.get("participant_id", ""))] = said
    return found


def channels(recording: Path, root: Path) -> dict[str, Any]:
    """Return the names of the EEG channels, the bad ones, and the unit if the file gives none."""
    table = beside(recording, root, "channels.tsv")
    if table is None:
        return {}
    listed = [row for _, row in rows(table, "name", "type")]
    eeg = [row for row in listed if row.get("type", "").upper() == "EEG" and "name" in row]
    if not eeg:
        return {}
    found: dict[str, Any] = {"channels": [row["name"] for row in eeg]}
    if bad := [row["name"] for row in eeg if row.get("status", "").lower() == "bad"]:
        found["bad"] = bad
    units = {UNITS.get(row.get("units", "")) for row in eeg}
    if len(units) == 1 and _lacks_unit(recording, found["channels"]) and (unit := units.pop()):
        found["unit"] = unit
    return found


def _lacks_unit(recording: Path, names: list[str]) -> bool:
    """Say whether an EDF or BDF file gives no unit for some EEG channel."""
    header = edf_header.header(recording)
    if header is None:
        return False
    signals = dict(zip(header.labels, header.units, strict=True))
    eeg = [signals[name] for name in names if name in signals]  # others: Status, annotations
    other_names = [unit for name, unit in signals.items() if name not in edf_records.ANNOTATIONS]
    return "" in (eeg or other_names)
