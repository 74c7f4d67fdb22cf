"""Clean the EEG of records and keep it in the store."""

from __future__ import annotations

from functools import partial
from typing import Any

from emocli import pipeline
from emocli.errors import AbsentError, RecordError
from emocli.io.store import Store
from emocli.modalities import eeg_recording
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.records.missing import lost
from emocli.records.modality import MODALITIES, in_file, names_other
from emocli.signals.eeg_preparation import Preparation

NAME = "extract-eeg"


def stage(
    context: Context,
    wanted: Preparation,
    unit: str | None = None,
    asked: Record | None = None,
) -> pipeline.Stage:
    """Return the stage that adds `eeg` and keeps the cleaned samples in the store.

    A record that was extracted before is extracted again if its `eeg` has other values than those
    `asked` for.
    """
    work = partial(extract, context.store, wanted, unit, asked or {})
    return pipeline.each(work, name=NAME, modality="eeg", jobs=context.jobs)


def extract(
    store: Store, wanted: Preparation, unit: str | None, asked: Record, record: Record
) -> Record:
    """Clean the EEG of a record and describe it in `eeg`."""
    about = record.get("eeg") or {}
    if lost(record, "eeg") is not None or _is_stored(about, store, asked):
        return record
    if not in_file(record, "eeg"):
        raise _without(record)
    cleaned = eeg_recording.clean(record, wanted, unit=unit)
    samples = store.put_array(cleaned.eeg.samples)
    kept: Record = {
        "path": samples["path"],
        "mask": store.put_array(cleaned.eeg.wrong.astype("uint8")),
    }
    source = {key: about[key] for key in ("variable", "index", "bad", "unit") if key in about}
    source |= {"unit": unit} if unit else {}
    record["eeg"] = kept | source | eeg_recording.described(cleaned, wanted)
    return record


def _without(record: Record) -> RecordError:
    """Return why a record has no EEG: no failure if it is about other modalities."""
    if names_other({**record, "path": None}, "eeg"):
        return AbsentError("no_eeg", "no EEG", hint="the record names no recording of EEG")
    if record.get("path"):
        names = " ".join(sorted(MODALITIES["eeg"].suffixes))
        return RecordError("no_eeg", "the file is no EEG by its name", hint=f"one of {names}")
    return RecordError("no_eeg", "no file and no EEG", hint="a record needs a path")


def _is_stored(about: Any, store: Store, asked: Record) -> bool:
    """Say whether a record was extracted before, and as it is asked for."""
    path = about.get("path") if isinstance(about, dict) else None
    if not isinstance(path, str) or not (store.root / path).exists():
        return False
    return all(about.get(key) == value for key, value in asked.items())
