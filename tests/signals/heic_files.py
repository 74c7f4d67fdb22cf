"""HEIC files, which ffmpeg reads but does not write: a picture of HEVC in boxes of ISO 23008-12."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.signals import films


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", 8 + len(data)) + kind + data


def full(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def _found(data: bytes, kind: bytes) -> bytes:
    """Return the first box of a kind, wherever it is."""
    place = data.find(kind) - 4
    (size,) = struct.unpack_from(">I", data, place)
    return data[place : place + size]


def picture(target: Path) -> Path:
    """Write a HEIC of the first numbered frame."""
    return _write(target, [1], {})


def tiles(target: Path) -> Path:
    """Write a HEIC whose picture is two tiles, one above the other."""
    grid = bytes([0, 0, 1, 0]) + struct.pack(">HH", films.WIDTH, 2 * films.HEIGHT)
    return _write(target, [2, 3], {1: grid})


def _write(target: Path, coded: list[int], grids: dict[int, bytes]) -> Path:
    """Write items that are coded, and one that puts them together: it is the first one then."""
    options = ("-c:v", "libx265", "-tag:v", "hvc1", "-x265-params", "log-level=none")
    source = films.film(target.with_suffix(".mp4"), *options, frames=1).read_bytes()
    sample = _found(source, b"mdat")[8:]
    items = {**grids, **dict.fromkeys(coded, sample)}
    kinds = [full(b"infe", _u16(n, 0), b"grid" if n in grids else b"hvc1", b"\0", version=2)
             for n in items]  # fmt: skip
    sizes = (films.WIDTH, films.HEIGHT), (films.WIDTH, 2 * films.HEIGHT)
    properties = box(
        b"ipco",
        _found(source, b"hvcC"),
        *(full(b"ispe", struct.pack(">II", *size)) for size in sizes),
    )
    of_items = b"".join(
        _u16(n) + (bytes([1, 3]) if n in grids else bytes([2, 0x81, 2])) for n in items
    )
    described = [
        full(b"hdlr", bytes(4), b"pict", bytes(13)),
        full(b"pitm", _u16(next(iter(items)))),
        full(b"iinf", _u16(len(items)), *kinds),
        box(b"iprp", properties, full(b"ipma", struct.pack(">I", len(items)), of_items)),
    ]
    if grids:
        parts = _u16(1, len(coded), *coded)
        described.append(full(b"iref", box(b"dimg", parts)))
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    start = len(head) + len(full(b"meta", *described, _places(items, 0))) + 8
    meta = full(b"meta", *described, _places(items, start))
    target.write_bytes(head + meta + box(b"mdat", *items.values()))
    return target


def _places(items: dict[int, bytes], start: int) -> bytes:
    """Return where each item lies in the file."""
    found = bytes([0x44, 0]) + _u16(len(items))
    for number, data in items.items():
        found += _u16(number, 0, 1) + struct.pack(">II", start, len(data))
        start += len(data)
    return full(b"iloc", found)


def _u16(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)
