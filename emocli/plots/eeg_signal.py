"""The signal of a recording of EEG: read stretch by stretch, cleaned as its records say it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from emocli.errors import RecordError, UsageError
from emocli.io.store import Store
from emocli.modalities import eeg_recording
from emocli.plots import eeg_stretches
from emocli.plots.eeg_power import Scheme
from emocli.plots.eeg_stretches import Stretch
from emocli.plots.talk import Part
from emocli.records import Record
from emocli.signals import eeg_montage, eeg_overview
from emocli.signals.eeg_bands import BANDS
from emocli.signals.eeg_marks import Mark
from emocli.signals.eeg_overview import Faults, Overview, Windows

# Shown of a recording of many electrodes: left and right, from front to back; our choice.
SPREAD = ("F3", "F4", "C3", "C4", "O1", "O2")


@dataclass
class Signal:
    """What is drawn of a signal."""

    shown: Overview
    scheme: Scheme  # of its band power
    faults: Faults
    marks: list[Mark]
    about: str  # how it was cleaned, in words
    lost: list[str] = field(default_factory=list)  # what could not be read


class Request(NamedTuple):
    """What of a recording is drawn, and on how many pixels."""

    part: Part
    channels: tuple[str, ...]  # () is a choice of them
    across: int
    power: Callable[[Scheme, float, Windows], None] | None  # is told the power of every stretch


def read(records: Sequence[Record], store: Store, wanted: Request) -> Signal:
    """Return the signal of a recording, of which the records are parts.

    Raises RecordError where nothing of it can be read, UsageError where the part is not in it.
    """
    first, last = eeg_stretches.span(records)
    low, high = wanted.part
    first, last = (
        max(first, first if low is None else low),
        min(last, last if high is None else high),
    )
    if not first < last:
        name = str(records[0].get("path") or "the recording").rpartition("/")[2]
        raise UsageError(f"{name}: no EEG there", hint="--start and --end are seconds of it")
    found: Signal | None = None
    lost: list[RecordError] = []
    for stretch in eeg_stretches.of(records, store, (first, last)):
        if isinstance(stretch, RecordError):
            lost.append(stretch)
            continue
        found = found or _begun(records, stretch, (first, last), wanted)
        _add(found, stretch, wanted)
    if found is None:
        raise lost[0] if lost else RecordError("no_eeg", "no EEG in this part")
    found.lost.extend(dict.fromkeys(str(error) for error in lost))
    return found


def _begun(
    records: Sequence[Record], stretch: Stretch, span: tuple[float, float], wanted: Request
) -> Signal:
    """Return a signal of which nothing is known but its first stretch."""
    eeg = stretch.eeg
    bands = eeg_overview.measurable(BANDS, eeg.rate_hz, eeg.window_s)
    names = _chosen(eeg.names, wanted.channels)
    shown = eeg_overview.overview(*span, names, eeg.rate_hz, wanted.across)
    about = eeg_recording.about_of(records[0])
    marks: list[Mark] = []
    if not eeg_stretches.is_stored(records[0]):
        recorded = eeg_recording.opened(records[0])
        marks = [m for m in recorded.marks if span[0] <= m.start <= span[1]]
    scheme = Scheme(eeg.names, bands)
    return Signal(shown, scheme, Faults(), marks, _in_words(about, stretch))


def _chosen(names: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the electrodes whose signal is shown; UsageError for one that is not there."""
    if wanted:
        asked = [eeg_montage.electrode(name) or name for name in wanted]
        if missing := [name for name in asked if name not in names]:
            hint = f"the recording has {eeg_montage.shown(names)}"
            raise UsageError(f"--channels: no electrode {eeg_montage.shown(missing)}", hint=hint)
        return tuple(dict.fromkeys(asked))
    there = eeg_montage.positions()
    left = [name for name in names if name in there]
    if len(names) <= len(SPREAD) or len(left) < len(SPREAD):
        return names[: len(SPREAD)]
    found = []
    for target in SPREAD:
        place = np.array(there[target])
        nearest = min(left, key=lambda n: float(np.linalg.norm(np.array(there[n]) - place)))
        found.append(nearest)
        left.remove(nearest)
    return tuple(found)


def _in_words(about: Record, stretch: Stretch) -> str:
    """Return how a signal was cleaned."""
    eeg, made = stretch.eeg, eeg_stretches.preparation(about)
    parts = [f"{eeg.rate_hz:g} Hz"]
    if made.reference == "average" and len(eeg.names) > 1:
        parts.insert(0, "average reference")
    low, high = stretch.band_hz or (None, None)
    if low or high:
        parts.append(f"{low or 0:g} to {high or eeg.rate_hz / 2:g} Hz")
    return ", ".join(parts)


def _add(signal: Signal, stretch: Stretch, wanted: Request) -> None:
    """Add a stretch to what is drawn."""
    eeg, start = stretch.eeg, stretch.start
    if missing := [n for n in signal.scheme.names if n not in eeg.names]:
        hint = "one picture is of the same electrodes throughout"
        message = f"a part of the recording has no electrode {eeg_montage.shown(missing)}"
        raise RecordError("other_electrodes", message, hint=hint)
    signal.shown.add(eeg, start)
    signal.faults.add(eeg.duration, stretch.channels, stretch.windows)
    bands = signal.scheme.bands if wanted.power else None
    windows = eeg_overview.measured(eeg, bands, stretch.channels)
    rows: Any = [eeg.names.index(name) for name in signal.shown.names]
    for window in np.flatnonzero(eeg.wrong.any(axis=1) | ~windows.usable):
        at = start + float(windows.starts[window])
        wrong = eeg.wrong[window, rows]
        usable = bool(windows.usable[window])
        signal.shown.mark(at, at + eeg.window_s, wrong, unusable=not usable)
    if wanted.power:
        wanted.power(Scheme(eeg.names, signal.scheme.bands), start, windows)
