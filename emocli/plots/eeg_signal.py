"""The signal of a recording of EEG: read stretch by stretch, cleaned as its records say it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from emocli.errors import RecordError, UsageError
from emocli.io.store import Store
from emocli.modalities import eeg as modality
from emocli.modalities import eeg_recording
from emocli.modalities.audio import span_of
from emocli.plots.eeg_power import Scheme
from emocli.plots.talk import Part
from emocli.records import Record
from emocli.records.modality import in_file
from emocli.signals import eeg_montage, eeg_overview
from emocli.signals.eeg import Eeg
from emocli.signals.eeg_bands import BANDS
from emocli.signals.eeg_files import Mark
from emocli.signals.eeg_overview import Faults, Overview, Windows
from emocli.signals.eeg_preparation import Preparation

PIECE_S = 600.0  # cleaned at a time: 30 MB of 62 channels at 200 Hz
# Shown of a recording of many electrodes: left and right, from front to back; our choice.
SPREAD = ("F3", "F4", "C3", "C4", "O1", "O2")
PREPARED = {  # of a Preparation <- of the `eeg` of a record
    "band_hz": "band_hz",
    "notch_hz": "notch_hz",
    "reference": "reference",
    "rate_hz": "sample_rate_hz",
    "window_s": "window_s",
    "overlap_s": "overlap_s",
}
HINT = "emocli extract-eeg and encode --modality eeg say how they cleaned it"


class Stretch(NamedTuple):
    """A stretch of cleaned EEG that begins at `start`, and what was found in it."""

    start: float
    eeg: Eeg
    channels: dict[str, str]  # bad ones -> why
    windows: dict[str, int]  # kinds of faults -> windows of channels


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


def can_read(record: Record) -> bool:
    """Say whether a record has a recording of EEG, or a cleaned one in the store."""
    return in_file(record, "eeg") or "path" in eeg_recording.about_of(record)


def read(records: Sequence[Record], store: Store, wanted: Request) -> Signal:
    """Return the signal of a recording, of which the records are parts.

    Raises RecordError where nothing of it can be read, UsageError where the part is not in it.
    """
    is_stored = "path" in eeg_recording.about_of(records[0])
    first, last = _span(records, is_stored)
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
    stretches = _stored if is_stored else _cleaned
    for stretch in stretches(records, store, (first, last)):
        if isinstance(stretch, RecordError):
            lost.append(stretch)
            continue
        found = found or _begun(records, stretch, (first, last), wanted)
        _add(found, stretch, wanted)
    if found is None:
        raise lost[0] if lost else RecordError("no_eeg", "no EEG in this part")
    found.lost.extend(dict.fromkeys(str(error) for error in lost))
    return found


def _span(records: Sequence[Record], is_stored: bool) -> tuple[float, float]:
    """Return first and last second of which there is EEG."""
    if is_stored or "variable" in eeg_recording.about_of(records[0]):
        starts = [span_of(record)[0] or 0.0 for record in records]
        seconds = [_duration(record) for record in records]
        return min(starts), max(s + long for s, long in zip(starts, seconds, strict=True))
    return 0.0, eeg_recording.opened(records[0]).duration


def _duration(record: Record) -> float:
    about = eeg_recording.about_of(record)
    if "path" in about:
        value = about.get("duration")
        if not isinstance(value, int | float):
            raise RecordError("bad_eeg", f"eeg.duration is not a number: {value!r:.40}", hint=HINT)
        return float(value)
    return eeg_recording.opened(record).duration


def _stored(
    records: Sequence[Record], store: Store, span: tuple[float, float]
) -> Iterator[Stretch | RecordError]:
    """Yield what extract-eeg kept of the records that lie in a span."""
    for record in records:
        start = span_of(record)[0] or 0.0
        about = eeg_recording.about_of(record)
        if start < span[1] and start + _duration(record) > span[0]:
            try:
                eeg = modality.stored(about, store)
            except RecordError as error:
                yield error
                continue
            yield Stretch(start, eeg, *flagged(about))


def flagged(about: Record) -> tuple[dict[str, str], dict[str, int]]:
    """Return the bad channels and the faults that a record tells."""
    flagged = about.get("flagged") if isinstance(about.get("flagged"), dict) else {}
    assert isinstance(flagged, dict)
    channels, windows = (flagged.get(name) or {} for name in ("channels", "windows"))
    told = {str(n): str(why) for n, why in channels.items()} if isinstance(channels, dict) else {}
    counts = windows.items() if isinstance(windows, dict) else ()
    return told, {str(kind): n for kind, n in counts if isinstance(n, int)}


def _cleaned(
    records: Sequence[Record], _store: Store, span: tuple[float, float]
) -> Iterator[Stretch | RecordError]:
    """Yield the stretches of a file, cleaned as its records say that they were."""
    about = eeg_recording.about_of(records[0])
    wanted = preparation(about)
    whole: Record = {"path": records[0]["path"], "eeg": about}
    seconds = span[1] - span[0]
    count = max(1, round(seconds / PIECE_S))
    for piece in range(count):
        start, end = (span[0] + seconds * edge / count for edge in (piece, piece + 1))
        try:
            cleaned = eeg_recording.clean({**whole, "start": start, "end": end}, wanted)
        except RecordError as error:  # ten minutes in which no channel is good
            yield error
            continue
        yield Stretch(start, cleaned.eeg, cleaned.channels, cleaned.windows)


def preparation(about: Record) -> Preparation:
    """Return how a record says that its EEG was cleaned, or how it is by default."""
    given = {name: about[key] for name, key in PREPARED.items() if about.get(key) is not None}
    try:
        if "band_hz" in given:
            low, high = (None if edge is None else float(edge) for edge in given["band_hz"])
            given["band_hz"] = (low, high)
        for name in ("rate_hz", "notch_hz", "window_s", "overlap_s"):
            given |= {name: float(given[name])} if name in given else {}
        channels = () if "variable" in about else tuple(map(str, about.get("channels") or ()))
        return Preparation(**{**given, "channels": channels})
    except (TypeError, ValueError):
        raise RecordError("bad_eeg", f"eeg is malformed: {about!r:.80}", hint=HINT) from None


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
    if "path" not in about:
        recorded = eeg_recording.opened(records[0])
        marks = [m for m in recorded.marks if span[0] <= m.start <= span[1]]
    scheme = Scheme(eeg.names, bands)
    return Signal(shown, scheme, Faults(), marks, _in_words(about, eeg))


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


def _in_words(about: Record, eeg: Eeg) -> str:
    """Return how a signal was cleaned."""
    made = preparation(about)
    reference = {"average": "average reference", "recorded": "reference as recorded"}
    parts = [reference.get(made.reference, made.reference), f"{eeg.rate_hz:g} Hz"]
    low, high = made.band_hz or (None, None)
    if low or high:
        parts.append(f"{low or 0:g} to {f'{high:g}' if high else f'{eeg.rate_hz / 2:g}'} Hz")
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
    windows = eeg_overview.measured(eeg, bands)
    rows: Any = [eeg.names.index(name) for name in signal.shown.names]
    for window in np.flatnonzero(eeg.wrong.any(axis=1) | ~windows.usable):
        at = start + float(windows.starts[window])
        wrong = eeg.wrong[window, rows]
        usable = bool(windows.usable[window])
        signal.shown.mark(at, at + eeg.window_s, wrong, unusable=not usable)
    if wanted.power:
        wanted.power(Scheme(eeg.names, signal.scheme.bands), start, windows)
