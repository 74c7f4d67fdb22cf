"""Write small GDF 1.25 files byte by byte: channels of several rates, 16 bits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

SHORT = 3  # the type of 16 bits
TOP = 32767


def write(path: Path, channels: Mapping[str, np.ndarray], seconds: int) -> Path:
    """Write samples in uV, steps of 0.1, in records of 1 s; rates follow from their numbers."""
    count = len(channels)
    rates = [len(samples) // seconds for samples in channels.values()]
    length = 256 * (1 + count)
    head = b"GDF 1.25" + b"X X".ljust(80) + b"".ljust(80) + b"2020010100000000"
    head += np.array([length], "<i8").tobytes() + bytes(24) + bytes(20)
    head += np.array([seconds], "<i8").tobytes() + np.array([1, 1, count], "<u4").tobytes()
    head += b"".join(name.encode().ljust(16) for name in channels) + bytes(80 * count)
    head += b"uV".ljust(8) * count
    head += np.array([-TOP / 10] * count + [TOP / 10] * count, "<f8").tobytes()
    head += np.array([-TOP] * count + [TOP] * count, "<i8").tobytes() + bytes(80 * count)
    head += np.array(rates, "<i4").tobytes() + np.array([SHORT] * count, "<i4").tobytes()
    head = head.ljust(length, b"\0")
    rows = [np.rint(samples * 10).astype("<i2") for samples in channels.values()]
    body = b"".join(
        row[second * rate :][:rate].tobytes()
        for second in range(seconds)
        for row, rate in zip(rows, rates, strict=True)
    )
    path.write_bytes(head + body + bytes(8))  # no events
    return path
