"""Stretches of cleaned EEG: kept in the store, or cleaned here as their records say they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.modalities import eeg as modality
from emocli.modalities import eeg_recording
from emocli.modalities.audio import span_of
from emocli.records import Record
from emocli.records.modality import in_file
from emocli.signals.eeg import Eeg
from emocli.signals.eeg_preparation import Edges, Preparation

PIECE_S = 600.0  # cleaned at a time: 30 MB of 62 channels at 200 Hz
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
    band_hz: Edges | None


def can_read(record: Record) -> bool:
    """Say whether a record has a recording of EEG, or a cleaned one in the store."""
    return in_file(record, "eeg") or is_stored(record)


def span(records: Sequence[Record]) -> tuple[float, float]:
    """Return first and last second of which there is EEG."""
    if is_stored(records[0]) or "variable" in eeg_recording.about_of(records[0]):
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


def of(
    records: Sequence[Record], store: Store, span: tuple[float, float]
) -> Iterator[Stretch | RecordError]:
    """Yield what there is of a recording in a span, and errors where something cannot be read."""
    return (_stored if is_stored(records[0]) else _cleaned)(records, store, span)


def is_stored(record: Record) -> bool:
    """Say whether extract-eeg has kept the EEG of a record."""
    return "path" in eeg_recording.about_of(record)


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
            yield Stretch(start, eeg, *flagged(about), preparation(about).band_hz)


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
        yield Stretch(start, cleaned.eeg, cleaned.channels, cleaned.windows, cleaned.band_hz)


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
