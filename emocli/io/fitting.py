"""Fit texts to a terminal: its width, how wide they are, what it can show; times as people read."""

from __future__ import annotations

import os
from typing import TextIO

from emocli.errors import printable

COLUMNS = 80  # of a terminal that does not say
LEAST = 10  # columns that a terminal has at least, whatever it says
ELLIPSIS = "…"
ZERO = ("Mn", "Me", "Cf")  # categories of characters that take no column of their own


def columns(stream: TextIO) -> int:
    """Return the width of a terminal in columns, as it is now."""
    try:
        found = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):  # no terminal, or a closed one
        found = 0
    return max(LEAST, found or COLUMNS)


def width(text: str) -> int:
    """Return how many columns a text takes: two for CJK and emoji, none for combining marks.

    >>> width("joy"), width("喜び"), width("é"), width("e\u0301")
    (3, 4, 1, 1)
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    import unicodedata  # half a millisecond, which no help page needs

    if unicodedata.category(character) in ZERO:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, room: int, ellipsis: str = ELLIPSIS) -> str:
    """Return a text that takes at most so many columns; what is cut off becomes an ellipsis.

    >>> cut("so very sad", 8), cut("とても悲しい", 8), cut("sad", 8)
    ('so very…', 'とても…', 'sad')
    """
    if width(text) <= room:
        return text
    left, kept = room - width(ellipsis), 0
    for character in text:
        left -= _width(character)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + ellipsis if room > 0 else ""


def shown(text: str, encoding: str) -> str:
    r"""Return a printable text as a terminal of some encoding shows it: what it lacks is escaped.

    >>> shown("喜び", "ascii"), shown("喜び", "utf-8")
    ('\\u559c\\u3073', '喜び')
    """
    text = printable(text)
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def padded(text: str, room: int, ellipsis: str = ELLIPSIS) -> str:
    """Return a text cut or filled up with spaces to a number of columns."""
    text = cut(text, room, ellipsis)
    return text + " " * (room - width(text))


def clock(seconds: float) -> str:
    """Return a time in a recording, or how long something takes.

    >>> clock(5), clock(151.2), clock(3723)
    ('0:05', '2:31', '1:02:03')
    """
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
