"""Write small EDF and BDF files byte by byte, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

ANNOTATIONS = "EDF Annotations"


def write(
    path: Path,
    samples: np.ndarray,
    rate_hz: int,
    labels: Sequence[str],
    *,
    unit: str = "uV",
    range_uv: float = 3276.7,
    marks: Sequence[tuple[float, float, str]] | None = None,
    beside: tuple[str, np.ndarray] | None = None,
    starts: Sequence[float] | None = None,
) -> Path:
    """Write samples (channels, time), numbers in `unit`, in records of 1 s; the rest is dropped.

    `marks` (start, duration, text) make it EDF+ or BDF+ with a channel of annotations. `beside` is
    a last channel and its samples, at a rate of its own. `starts` of the records make it EDF+D.
    """
    is_bdf = path.suffix == ".bdf"
    bits = 24 if is_bdf else 16
    top = 2 ** (bits - 1) - 1
    count = samples.shape[1] // rate_hz
    digital = np.rint(samples / range_uv * top).clip(-top - 1, top).astype(np.int64)
    rows = [*digital]
    if beside is not None:
        labels = [*labels, beside[0]]
        rows.append(np.rint(beside[1] / range_uv * top).astype(np.int64))
    rates = [rate_hz] * len(digital) + ([] if beside is None else [len(beside[1]) // count])
    room = 0 if marks is None else 64  # samples of annotations in a record
    names = [*labels, *([ANNOTATIONS.replace("EDF", "BDF" if is_bdf else "EDF")] if room else [])]
    sizes = rates + ([room] if room else [])
    head = _head(names, sizes, count, unit, (range_uv, top), is_bdf)
    head = head if starts is None else head.replace(b"DF+C", b"DF+D", 1)
    body = []
    for record in range(count):
        body += [
            _packed(row[record * rate :][:rate], bits)
            for row, rate in zip(rows, rates, strict=True)
        ]
        if marks is not None:
            here = marks if record == 0 else []
            at_s = record if starts is None else starts[record]
            text = f"+{at_s}\x14\x14\x00" + "".join(
                f"+{at}\x15{long}\x14{what}\x14\x00" for at, long, what in here
            )
            body.append(text.encode().ljust(room * bits // 8, b"\x00"))
    path.write_bytes(head + b"".join(body))
    return path


def noise(
    path: Path, seconds: int, seed: int = 0, labels: Sequence[str] = ("Fp1", "F3", "F4", "Cz", "O1")
) -> Path:
    """Write noise with an SD of 20 uV at 128 Hz."""
    samples = np.random.default_rng(seed).normal(0, 20, (len(labels), seconds * 128))
    return write(path, samples, 128, labels)


def _head(
    names: Sequence[str],
    sizes: Sequence[int],
    count: int,
    unit: str,
    limits: tuple[float, int],
    is_bdf: bool,
) -> bytes:
    plus = "BDF+C" if is_bdf else "EDF+C"
    columns = [
        [(name, 16) for name in names],
        [("", 80) for _ in names],
        [("" if "Annot" in name else unit, 8) for name in names],
        [(f"{-limits[0]:.8}"[:8], 8) for _ in names],
        [(f"{limits[0]:.8}"[:8], 8) for _ in names],
        [(str(-limits[1]), 8) for _ in names],
        [(str(limits[1]), 8) for _ in names],
        [("", 80) for _ in names],
        [(str(size), 8) for size in sizes],
        [("", 32) for _ in names],
    ]
    fields = [("X X X X", 80), ("Startdate 01-JAN-2020 X X X", 80), ("01.01.20", 8)]
    fields += [("00.00.00", 8), (str(256 * (1 + len(names))), 8)]
    fields += [(plus if any("Annot" in n for n in names) else "", 44), (str(count), 8), ("1", 8)]
    fields += [(str(len(names)), 4), *(field for column in columns for field in column)]
    text = "".join(value.ljust(width) for value, width in fields).encode("ascii")
    first = b"\xffBIOSEMI" if is_bdf else b"0".ljust(8)
    return first + text


def _packed(values: np.ndarray, bits: int) -> bytes:
    if bits == 16:
        return values.astype("<i2").tobytes()
    return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
