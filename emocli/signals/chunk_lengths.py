"""Compare the length in the header of a wav or aiff file with the bytes that the file holds.

libsndfile reads what is there without a word if there is less, and too little if the header says
less (RIFF: https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html, AIFF:
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/AIFF/AIFF.html, RF64: EBU Tech 3306).
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
from typing import NamedTuple

# Lengths that programs write when the length is unknown (ffmpeg and sox, into pipes).
UNKNOWN_LENGTHS = range(0x7FFF_0000, 0x1_0000_0000)
IN_DS64 = 0xFFFF_FFFF  # in RF64: the length has 64 bits, and is in the chunk `ds64`
BYTE_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}
OFFSET_BYTES = 8  # before the samples in the chunk of an aiff file
PADDING_S = 0.01  # of bytes after the samples that are no chunk


class Mismatch(NamedTuple):
    """The samples in a file whose header claims a wrong length."""

    position: int  # of the samples, in bytes
    claimed: int
    held: int
    bytes_per_s: float
    form: bytes  # the first four bytes of the file

    @property
    def shorter(self) -> bool:
        """Say whether the header claims less than there is, as libsndfile believes."""
        return self.claimed < self.held

    @property
    def warning(self) -> str | None:
        """What is told of it; None for lengths that stand for an unknown one."""
        if self.claimed in UNKNOWN_LENGTHS or self.claimed == 0:
            return None
        claimed_s, held_s = (n / max(self.bytes_per_s, 1) for n in (self.claimed, self.held))
        return f"the header says {claimed_s:.2f} s, the file holds {held_s:.2f} s"


class _Header(NamedTuple):
    position: int
    claimed: int
    bytes_per_s: float


def find(file: io.FileIO) -> Mismatch | None:
    """Return the wrong length in a header; None if it is right, or the file of another format."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    form = file.read(12)[:4]
    if form not in BYTE_ORDERS:
        return None
    with contextlib.suppress(struct.error, ZeroDivisionError, OSError, OverflowError):
        header = _header(file, BYTE_ORDERS[form])
        held = size - header.position
        found = Mismatch(header.position, header.claimed, held, header.bytes_per_s, form)
        if found.claimed > found.held or (form == b"RIFF" and _has_more(found, file)):
            return found
    return None


def corrected(file: io.FileIO, mismatch: Mismatch) -> io.BytesIO:
    """Return a wav file, in memory, with the right length in its header."""
    file.seek(0)
    data = bytearray(file.read())
    held = min(mismatch.held, 0xFFFF_FFFF)
    data[mismatch.position - 4 : mismatch.position] = struct.pack("<I", held)
    data[4:8] = struct.pack("<I", min(len(data) - 8, 0xFFFF_FFFF))
    return io.BytesIO(data)


def _header(file: io.FileIO, order: str) -> _Header:
    """Return where the samples are; struct.error at the end of the file."""
    rate, frames, long = 0.0, 0, IN_DS64
    while True:
        name, length = struct.unpack(order + "4sI", file.read(8))
        here = file.tell()
        if name == b"data":
            return _Header(here, long if length == IN_DS64 else length, rate)
        if name == b"SSND":
            seconds = frames / rate
            samples = length - OFFSET_BYTES
            return _Header(here + OFFSET_BYTES, samples, samples / seconds)
        if name == b"fmt ":
            rate = struct.unpack(order + "8xI", file.read(12))[0]  # in bytes
        elif name == b"ds64":
            long = struct.unpack("<8xQ", file.read(16))[0]
        elif name == b"COMM":
            _channels, frames, _bits, exponent, mantissa = struct.unpack(">hIhHQ", file.read(18))
            rate = mantissa * 2.0 ** (exponent - 16383 - 63)  # 80-bit float
        file.seek(here + length + length % 2)


def _has_more(data: Mismatch, file: io.FileIO) -> bool:
    """Say whether what follows the samples is neither the end of the file nor another chunk."""
    after = data.held - data.claimed
    if after < max(8, data.bytes_per_s * PADDING_S):
        return False
    for odd in (data.claimed % 2, 0):
        file.seek(data.position + data.claimed + odd)
        name, length = struct.unpack("<4sI", file.read(8))
        if name[:3] in (b"ID3", b"TAG") or (
            all(32 <= byte < 127 for byte in name) and length + 8 <= after
        ):
            return False
    return True
