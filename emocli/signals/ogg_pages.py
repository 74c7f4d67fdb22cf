"""Look through the pages of an Ogg file: libsndfile reads the first of several streams in a chain.

Format: RFC 3533, https://www.rfc-editor.org/rfc/rfc3533 (section 6).
"""

from __future__ import annotations

import mmap
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

CAPTURE = b"OggS"
HEADER = struct.Struct("<4xBBqIII")  # version, flags, granule, serial, number of the page, CRC
HEADER_BYTES = 27  # with the number of segments
CRC = slice(22, 26)  # where it is in the header
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # the bits of each byte
BEGINS, ENDS = 2, 4  # flags


class Pages(NamedTuple):
    """What the pages of a file say of it as a whole."""

    chained: bool  # a stream begins after data of another: `cat a.ogg b.ogg`
    gaps: int  # places where pages are missing or damaged
    cut: bool  # the last page is longer than the rest of the file
    ended: bool  # every stream has a page with the mark of its end

    @property
    def regular(self) -> bool:
        """Say whether there is nothing in it that only ffmpeg reads to the end, and in time."""
        return not self.chained and not self.gaps

    @property
    def warning(self) -> str | None:
        """What is told of such a file."""
        if self.gaps:
            places = "place" if self.gaps == 1 else "places"
            return f"pages are missing or damaged in {self.gaps} {places} of the Ogg file"
        if self.cut:
            return "the file ends within an Ogg page: its end is missing"
        return None if self.ended else "no mark of the end in the Ogg file: it may be cut"


def survey(path: str) -> Pages:
    """Return what the pages of an Ogg file say."""
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return _survey(data)


def _survey(data: mmap.mmap) -> Pages:
    chained = cut = False
    gaps, at, size = 0, 0, len(data)
    following: dict[int, int] = {}  # stream -> number of its next page
    has_data = False
    while (at := data.find(CAPTURE, at)) >= 0 and at + HEADER_BYTES <= size:
        _version, flags, granule, serial, number, crc = HEADER.unpack_from(data, at)
        table = data[at + HEADER_BYTES : at + HEADER_BYTES + data[at + 26]]
        length = HEADER_BYTES + len(table) + sum(table)
        if cut := at + length > size:
            break
        if crc != _crc(data[at : at + length]):
            at += len(CAPTURE)
            continue
        if flags & BEGINS:
            chained |= has_data
        elif serial in following and number != following[serial]:
            gaps += 1
        has_data |= granule > 0
        following[serial] = number + 1
        if flags & ENDS:
            following.pop(serial)
        at += length
    return Pages(chained, gaps, cut, not following)


def _crc(page: bytes) -> int:
    """Return the CRC of a page: that of zlib's polynomial, with the bits in reverse order."""
    zeroed = page[: CRC.start] + bytes(4) + page[CRC.stop :]
    reverse = zlib.crc32(zeroed.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reverse.to_bytes(4, "little").translate(REVERSED), "big")
