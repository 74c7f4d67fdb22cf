"""Find mp3 and AAC files that were joined of parts with different sample rates.

Such files cannot be sought in: ffmpeg takes the rate of the first part for all of them. Headers:
ISO/IEC 11172-3 (2.4.1.3), 13818-3 (2.4.2.3), and 13818-7 (6.2) for ADTS.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

RATES_HZ = (44_100, 48_000, 32_000)  # of MPEG 1; MPEG 2 has half, MPEG 2.5 a quarter
LAYER_3_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
LAYER_3_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of MPEG 2, 2.5
ID3_HEADER_BYTES = 10

# Frames in a row before a change counts: in other data, two bytes often look like a header.
FRAMES_IN_A_ROW = 4


def joined(path: str, head: bytes) -> bool:
    """Say whether an mp3 or ADTS file has frames of more than one sample rate."""
    if head[:3] != b"ID3" and not _is_header(head):
        return False
    status = Path(path).stat()
    return _joined(os.fspath(path), status.st_mtime_ns, status.st_size)


def _is_header(data: bytes) -> bool:
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0


@lru_cache(maxsize=64)
def _joined(path: str, _changed_ns: int, _size: int) -> bool:
    data = Path(path).read_bytes()
    at, rates, row, last = 0, set[tuple[int, int]](), 0, (0, 0)
    while 0 <= at < len(data) - ID3_HEADER_BYTES:
        if data[at : at + 3] == b"ID3":
            at += _tag_bytes(data, at)
            continue
        length, rate = _frame(data, at)
        if not length:
            at, row = data.find(b"\xff", at + 1), 0
            continue
        row = row + 1 if rate == last else 1
        last = rate
        if row == FRAMES_IN_A_ROW:
            rates.add(rate)
            if len(rates) > 1:
                return True
        at += length
    return False


def _tag_bytes(data: bytes, at: int) -> int:
    """Return the length of an ID3v2 tag: four times seven bits."""
    a, b, c, d = data[at + 6 : at + 10]
    return ID3_HEADER_BYTES + (a << 21 | b << 14 | c << 7 | d)


def _frame(data: bytes, at: int) -> tuple[int, tuple[int, int]]:
    """Return the length of a frame in bytes, and its rate (version, index); 0 if it is none."""
    first, second, third = data[at : at + 3]
    if first != 0xFF or second & 0xE0 != 0xE0:
        return 0, (0, 0)
    if second & 0xF6 == 0xF0:  # ADTS
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        return length, (8, third >> 2 & 15)
    version, layer, index = second >> 3 & 3, second >> 1 & 3, third >> 2 & 3
    if version == 1 or layer != 1 or index == 3 or third >> 4 in (0, 15):
        return 0, (0, 0)
    rate = RATES_HZ[index] >> {3: 0, 2: 1, 0: 2}[version]
    kbps = (LAYER_3_KBPS if version == 3 else LAYER_3_KBPS_2)[third >> 4]
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbps * 1000 // rate + (third >> 1 & 1), (version, index)
