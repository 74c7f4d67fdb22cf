"""Write small Neuroscan files byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HEAD, CHANNEL = 900, 75  # bytes


def write(
    path: Path,
    samples: np.ndarray,
    rate_hz: int,
    names: Sequence[str],
    marks: Sequence[tuple[int, int]] = (),
) -> Path:
    """Write samples (channels, time) in whole uV, and marks (sample, code)."""
    channels, count = samples.shape
    head = bytearray(HEAD + CHANNEL * channels)
    head[225:247] = b"01/02/22  12:00:00    "
    body = samples.T.astype("<i4").tobytes()
    for place, form, value in (
        (370, "<H", channels),
        (376, "<H", rate_hz),
        (864, "<i", count),
        (886, "<i", len(head) + len(body)),
        (890, "<f", count / rate_hz),
    ):
        struct.pack_into(form, head, place, value)
    for number, name in enumerate(names):
        at = HEAD + CHANNEL * number
        head[at : at + 10] = name.encode().ljust(10, b"\0")
        struct.pack_into("<f", head, at + 59, 204.8)  # sensitivity: with it a step is 1 uV
        struct.pack_into("<f", head, at + 71, 1.0)
    table = b"".join(
        struct.pack("<HBcl", code, 0, b"\0", len(head) + sample * channels * 4)
        for sample, code in marks
    )
    path.write_bytes(bytes(head) + body + struct.pack("<Bll", 1, len(table), 0) + table)
    return path
