"""Everything that a command writes to stderr, with what terminals would obey made visible."""

from __future__ import annotations

import traceback
from typing import TextIO

from emocli.errors import printable

WIPE = "\r\033[K"  # to the start of the line, and clear it


def say(stderr: TextIO, name: str, text: str) -> None:
    """Write a line, after the name of a command; "" is emocli as a whole."""
    stderr.write(f"{f'emocli {name}'.rstrip()}: {printable(text)}\n")


def lines(stderr: TextIO, text: str) -> None:
    """Write a text of several lines."""
    stderr.writelines(f"{printable(line)}\n" for line in text.split("\n"))


def relay(stderr: TextIO, text: str) -> None:
    """Write a part of what another program says; its lines and tabs stay."""
    lines_ = (line.split("\t") for line in text.split("\n"))
    stderr.write("\n".join("\t".join(map(printable, parts)) for parts in lines_))
    stderr.flush()


def trace(stderr: TextIO, error: BaseException) -> None:
    """Write the traceback of an error."""
    lines(stderr, "".join(traceback.format_exception(error)).rstrip("\n"))


def bar(stderr: TextIO, text: str) -> None:
    """Draw a line on a terminal over the one that is there."""
    stderr.write(f"{WIPE}{printable(text)}")
    stderr.flush()


def wipe(stderr: TextIO) -> None:
    """Clear the line that `bar` drew."""
    stderr.write(WIPE)
    stderr.flush()
