"""Recordings of EEG: opened, cleaned as a stream wants them, and described in their records."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emocli import records
from emocli.errors import RecordError
from emocli.modalities.audio import span_of
from emocli.records import Record
from emocli.signals.eeg_preparation import RECORDED, Preparation

if TYPE_CHECKING:
    from emocli.signals.eeg_cleaning import Cleaned
    from emocli.signals.eeg_files import Recording

OPENED = 4  # recordings whose headers are kept; a file may be asked for many trials


def preparation(spec: Record) -> Preparation:
    """Return how recordings are cleaned for a stream."""
    prepared = {key: value for key, value in (spec.get("prepared") or {}).items()}
    if prepared.get("band_hz") is not None:
        prepared["band_hz"] = tuple(prepared["band_hz"])
    return Preparation(**prepared, channels=tuple(spec.get("channels") or ()))


def clean(record: Record, wanted: Preparation, unit: str | None = None) -> Cleaned:
    """Return the cleaned stretch of a record's file, from its `start` to its `end`."""
    from emocli.signals import eeg_cleaning

    about = about_of(record)
    start, end = span_of(record)
    bad = tuple(about.get("bad") or ())
    if not wanted.channels and "variable" not in about:
        wanted = replace(wanted, channels=tuple(about.get("channels") or ()))
    return eeg_cleaning.clean(opened(record, unit), wanted, start, end, bad=bad)


def opened(record: Record, unit: str | None = None) -> Recording:
    """Return the recording that a record is a part of; its header is read once."""
    path = records.path_of(record)
    about = about_of(record)
    unit = unit or about.get("unit")
    status = Path(path).stat() if Path(path).exists() else None
    state = (status.st_mtime_ns, status.st_size) if status else ()
    if status is None:
        raise RecordError("not_found", "the file cannot be read: No such file or directory")
    if "variable" in about:
        return _array(path, about, unit)
    return _opened(path, unit, state)


@functools.lru_cache(maxsize=OPENED)
def _opened(path: str, unit: str | None, _state: tuple[int, ...]) -> Recording:
    from emocli.signals import eeg_files

    return eeg_files.read(path, unit)


def _array(path: str, about: Record, unit: str | None) -> Recording:
    """Return the recording in a variable of a file of arrays."""
    from emocli.signals import eeg_arrays

    names, rate = about.get("channels") or (), about.get("sample_rate_hz")
    if not rate or not names:
        raise RecordError("bad_eeg", "eeg.variable needs sample_rate_hz and channels beside it")
    index = tuple(about.get("index") or ())
    unit = unit or eeg_arrays.UNIT
    return eeg_arrays.read(
        path, about["variable"], index, names=tuple(names), rate_hz=float(rate), unit=unit
    )


def described(cleaned: Cleaned, wanted: Preparation) -> Record:
    """Return the `eeg` of a record: what was done to it, and what was found."""
    import mne

    eeg = cleaned.eeg
    about: Record = {
        "sample_rate_hz": eeg.rate_hz,
        "duration": round(eeg.duration, 6),
        "channels": list(eeg.names),
        "reference": wanted.reference if len(eeg.names) > 1 else RECORDED,
        "band_hz": list(cleaned.band_hz),
        "notch_hz": wanted.notch_hz,
        "window_s": eeg.window_s,
        "overlap_s": eeg.overlap_s,
        "artifact_uv": wanted.artifact_uv,
        "flagged": {"channels": cleaned.channels, "windows": cleaned.windows},
        "decoder": f"mne {mne.__version__}",
    }
    told = [*cleaned.warnings, *_left_out(cleaned)]
    return about | ({"warning": "; ".join(told)} if told else {})


def _left_out(cleaned: Cleaned) -> Iterator[str]:
    if cleaned.others:
        from emocli.signals.eeg_montage import shown

        yield f"left out, since no electrodes: {shown(cleaned.others)}"


def about_of(record: Record) -> Record:
    """Return what a record says of its EEG; RecordError where it is not an object."""
    about = record.get("eeg") or {}
    if not isinstance(about, dict):
        raise RecordError("bad_eeg", f"eeg is not an object: {about!r:.60}")
    return about
