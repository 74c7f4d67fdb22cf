"""Look at the header of an EDF or BDF file: what mne does not tell of it.

Kemp, B., Olivan, J. (2003). European data format 'plus' (EDF+).
https://doi.org/10.1016/S1388-2457(03)00123-8
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emocli.errors import RecordError

FIXED = 256  # bytes before the signals, and per signal
LABEL = 16  # bytes
BEFORE_UNIT = 96  # bytes per signal before its unit
BEFORE_COUNT = 216  # bytes per signal before its number of samples
SAMPLE_BYTES = {".edf": 2, ".bdf": 3}
FIRST = {".edf": b"0       ", ".bdf": b"\xffBIOSEMI"}  # bytes of a file


def faults(path: Path) -> list[str]:
    """Return what is wrong with an EDF or BDF file: nothing for other files, or if all is well.

    Raises RecordError where the header has no samples to follow it.
    """
    width = SAMPLE_BYTES.get(path.suffix.lower())
    if width is None:
        return []
    try:
        head, about, size = _read(path)
    except FileNotFoundError:
        raise RecordError("not_found", "no such file") from None
    except OSError as error:
        raise RecordError("not_readable", f"cannot be read: {error.strerror}") from None
    first = FIRST[path.suffix.lower()]
    if head[: len(first)] != first:
        kind = path.suffix[1:].upper()
        raise RecordError("decode_failed", f"no {kind} file: it does not begin like one")
    return _compared(head, about, size, width)


@dataclass(frozen=True)
class Header:
    """What the header says; labels, units and counts are of each signal."""

    kind: str  # "EDF+C", "BDF+D"; "" or a word of the maker's for plain EDF and BDF
    labels: tuple[str, ...]
    units: tuple[str, ...]  # "" where it gives none
    counts: tuple[int, ...]  # samples in a record
    width: int  # bytes of a sample
    record_s: float
    records: int  # that are there
    length: int  # bytes of the header


def header(path: Path) -> Header | None:
    """Return the header of an EDF or BDF file; None for other files, and what cannot be read."""
    width = SAMPLE_BYTES.get(path.suffix.lower())
    if width is None:
        return None
    try:
        head, about, size = _read(path)
    except OSError:
        return None
    signals = _number(head[252:256])
    length = FIXED * (1 + signals)
    counts = tuple(_number(cell) for cell in _cells(about, BEFORE_COUNT, 8, signals))
    record = width * sum(counts)
    return Header(
        kind=head[192:197].decode("latin-1").strip(),
        labels=tuple(_text(cell) for cell in _cells(about, 0, LABEL, signals)),
        units=tuple(_text(cell) for cell in _cells(about, BEFORE_UNIT, 8, signals)),
        counts=counts,
        width=width,
        record_s=_duration(head[244:252]),
        records=max(0, size - length) // record if record else 0,
        length=length,
    )


def _read(path: Path) -> tuple[bytes, bytes, int]:
    """Return the fixed part of a header, what it says of the signals, and the size of the file."""
    with path.open("rb") as file:
        head = file.read(FIXED)
        about = file.read(FIXED * _number(head[252:256]))
    return head, about, path.stat().st_size


def _cells(about: bytes, before: int, size: int, signals: int) -> list[bytes]:
    """Return a field of every signal, which follows so many bytes per signal."""
    first = before * signals
    return [about[first + size * n : first + size * (n + 1)] for n in range(signals)]


def _text(cell: bytes) -> str:
    return cell.decode("latin-1").strip()


def _compared(head: bytes, about: bytes, size: int, width: int) -> list[str]:
    """Compare the records that the header promises with those that are there."""
    signals, promised = _number(head[252:256]), _number(head[236:244])
    length = FIXED * (1 + signals)
    if len(head) < FIXED or len(about) < FIXED * signals:
        message = f"the header is cut short: {size} bytes, it should be {length}"
        raise RecordError("decode_failed", message)
    if signals == 0:
        raise RecordError("no_channels", "no EEG channels: the header lists no signals")
    counts = [_number(cell) for cell in _cells(about, BEFORE_COUNT, 8, signals)]
    record = width * sum(counts)
    there = (size - length) / record if record else 0.0
    if there < 1:
        raise RecordError("no_samples", "the file has a header but no samples")
    if promised > there:
        seconds = _duration(head[244:252])
        lengths = f"{int(there) * seconds:g} of {promised * seconds:g} s are there"
        return [f"the file is cut short: {lengths}"]
    return []


def _number(text: bytes) -> int:
    """Return a whole number of the header; 0 for what is none, which mne then refuses."""
    try:
        return max(0, int(text))
    except ValueError:
        return 0


def _duration(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
