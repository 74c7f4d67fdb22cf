"""Compare the length in the header of a file of samples with the bytes that the file holds.

libsndfile and ffmpeg read what is there without a word if there is less, and too little if a wav
header says less. RIFF and AIFF: https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/; RF64: EBU
Tech 3306; CAF: Apple Core Audio Format Specification 1.0; W64: Sony Pictures Digital, Wave64;
VOC: https://wiki.multimedia.cx/index.php/Creative_Voice; ASF: Advanced Systems Format 1.2, 3.2.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
from pathlib import Path
from typing import Any, NamedTuple

# Lengths that programs write when the length is unknown (ffmpeg and sox, into pipes).
UNKNOWN_LENGTHS = range(0x7FFF_0000, 0x1_0000_0000)
IN_DS64 = 0xFFFF_FFFF  # in RF64: the length has 64 bits, and is in the chunk `ds64`
UNKNOWN_IN_CAF = 0xFFFF_FFFF_FFFF_FFFF
BYTE_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}
FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # of ASF, a GUID
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
        if self.claimed in UNKNOWN_LENGTHS or self.claimed in (0, UNKNOWN_IN_CAF):
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
    if form not in BYTE_ORDERS and form not in OTHERS:
        return None
    with contextlib.suppress(struct.error, ArithmeticError, OSError, ValueError):
        header = OTHERS[form](file) if form in OTHERS else _header(file, BYTE_ORDERS[form])
        held = size - header.position
        found = Mismatch(header.position, header.claimed, held, header.bytes_per_s, form)
        if found.claimed > found.held or (form == b"RIFF" and _has_more(found, file)):
            return found
    return None


def warning(path: str) -> str | None:
    """Return what is told of the length in the header of a file, if it is wrong."""
    with Path(path).open("rb", buffering=0) as file:
        mismatch = find(file)
    return mismatch.warning if mismatch else None


def corrected(file: io.FileIO, mismatch: Mismatch) -> io.RawIOBase:
    """Return a view of a wav file with the right length in its header."""
    size = file.seek(0, os.SEEK_END)
    return _Corrected(
        file,
        {
            4: struct.pack("<I", min(size - 8, 0xFFFF_FFFF)),
            mismatch.position - 4: struct.pack("<I", min(mismatch.held, 0xFFFF_FFFF)),
        },
    )


class _Corrected(io.RawIOBase):
    """A file some of whose bytes are others, by their position; it may have hours of sound."""

    def __init__(self, file: io.FileIO, others: dict[int, bytes]) -> None:
        self._file, self._others = file, others

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, target: Any) -> int:
        """Read as much as there is room for."""
        start = self._file.tell()
        count = self._file.readinto(target)
        for place, data in self._others.items():
            for at, byte in enumerate(data, place - start):
                if 0 <= at < count:
                    memoryview(target).cast("B")[at] = byte
        return count


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


def _core_audio(file: io.FileIO) -> _Header:
    """Return where the samples of a CAF file are."""
    file.seek(8)
    rate = 0.0
    while True:
        name, length = struct.unpack(">4sQ", file.read(12))
        here = file.tell()
        if name == b"data":
            return _Header(here, length, rate)  # with four bytes that count edits
        if name == b"desc":
            frames_per_s, packet, frames = struct.unpack(">d8xII", file.read(24))
            rate = frames_per_s * packet / frames
        file.seek(here + length)


def _wave64(file: io.FileIO) -> _Header:
    """Return where the samples of a W64 file are; lengths include a chunk's head of 24 bytes."""
    file.seek(40)
    rate = 0
    while True:
        name, length = struct.unpack("<4s12xQ", file.read(24))
        here = file.tell()
        if name == b"data":
            return _Header(here, length - 24, rate)
        if name == b"fmt ":
            rate = struct.unpack("<8xI", file.read(12))[0]
        file.seek(here - 24 + (length + 7) // 8 * 8)


def _creative_voice(file: io.FileIO) -> _Header:
    """Return where the samples of the first block of a VOC file are."""
    file.seek(20)
    file.seek(struct.unpack("<H", file.read(2))[0])
    kind, low, high = struct.unpack("<BHB", file.read(4))
    length = low + (high << 16)
    if kind == 9:
        frames_per_s, bits, channels = struct.unpack("<IBB6x", file.read(12))
        return _Header(file.tell(), length - 12, frames_per_s * channels * bits / 8)
    if kind != 1:
        raise ValueError("a block of another kind")
    return _Header(file.tell() + 2, length - 2, 1_000_000 / (256 - file.read(1)[0]))


def _advanced_systems(file: io.FileIO) -> _Header:
    """Return the length of an ASF file (wma, wmv): its header has that of the whole file."""
    file.seek(30)
    while True:
        name, length = struct.unpack("<16sQ", file.read(24))
        if name == FILE_PROPERTIES:
            size, ticks, preroll_ms = struct.unpack("<16xQ16xQ8xQ", file.read(64))
            return _Header(0, size, size / (ticks / 10_000_000 - preroll_ms / 1000))
        file.seek(length - 24, os.SEEK_CUR)


OTHERS = {
    b"0&\xb2u": _advanced_systems,
    b"caff": _core_audio,
    b"riff": _wave64,
    b"Crea": _creative_voice,
}


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
