"""Whether the file of a picture ends before the picture does: decoders fill the rest with grey."""

from __future__ import annotations

from pathlib import Path

SCAN, END = 0xDA, b"\xff\xd9"  # markers of JPEG (ITU-T T.81, table B.1)
TAIL_BYTES = 4096  # of PNG, in which the last chunk is looked for. Our choice.


def cut(path: str, kind: str) -> str | None:
    """Return a warning if a JPEG, PNG or GIF file ends before the picture does."""
    data = Path(path).read_bytes() if kind in WHOLE else b""
    whole = not data or WHOLE[kind](data)
    return None if whole else "the file ends before the picture does"


def _jpeg(data: bytes) -> bool:
    """Say whether an end follows the first scan; thumbnails lie in segments before it."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != SCAN:
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return END in data[place:]


def _png(data: bytes) -> bool:
    return b"IEND" in data[-TAIL_BYTES:]


def _gif(data: bytes) -> bool:
    return data.rstrip(b"\0").endswith(b";")


WHOLE = {
    "jpeg_pipe": _jpeg,
    "png_pipe": _png,
    "apng": _png,
    "gif": _gif,
    "gif_pipe": _gif,
}
