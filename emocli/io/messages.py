"""Everything that a command writes to stderr, with what terminals would obey made visible.

A bar may stand on the last line of a terminal. Whatever is written meanwhile, by any thread, begins
on a line of its own: the bar is wiped first, under one lock.
"""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from collections.abc import Iterator
from typing import TextIO

from emocli.errors import printable

WIPE = "\r\033[K"  # to the start of the line, and clear it


LOCK = threading.RLock()  # of all that is written to stderr


class _Bar:
    """The bar of this process: where it stands, if it does."""

    stderr: TextIO | None = None
    torn = False  # the last line has not ended yet: a bar would wipe it
    others = 0  # libraries that draw bars of their own now


def _forked() -> None:
    _Bar.stderr = None  # it is the parent's
    LOCK.release()


# A process is never forked in the midst of a line.
os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_forked)


def say(stderr: TextIO, name: str, text: str) -> None:
    """Write a line, after the name of a command; "" is emocli as a whole."""
    _write(stderr, f"{f'emocli {name}'.rstrip()}: {printable(text)}\n")


def lines(stderr: TextIO, text: str) -> None:
    """Write a text of several lines."""
    _write(stderr, "".join(f"{printable(line)}\n" for line in text.split("\n")))


def relay(stderr: TextIO, text: str) -> None:
    """Write a part of what another program says; its lines and tabs stay."""
    lines_ = (line.split("\t") for line in text.split("\n"))
    _write(stderr, "\n".join("\t".join(map(printable, parts)) for parts in lines_))
    stderr.flush()


def trace(stderr: TextIO, error: BaseException) -> None:
    """Write the traceback of an error."""
    lines(stderr, "".join(traceback.format_exception(error)).rstrip("\n"))


def bar(stderr: TextIO, text: str) -> None:
    """Draw a line on a terminal over the one that is there.

    The cursor goes back to the start of the line: what another program writes begins there.
    """
    with LOCK:
        if not (_Bar.others or _Bar.torn):
            stderr.write(f"{WIPE}{printable(text)}\r")
            stderr.flush()
            _Bar.stderr = stderr


def wipe(stderr: TextIO) -> bool:
    """Clear the line that `bar` drew; return whether there was one."""
    with LOCK:
        shown = _Bar.stderr is stderr
        if shown:
            _Bar.stderr = None
            stderr.write(WIPE)
            stderr.flush()
        return shown


@contextlib.contextmanager
def room(stderr: TextIO) -> Iterator[bool]:
    """Keep the bar away while something else is written; give whether there was one."""
    with LOCK:
        yield wipe(stderr)


@contextlib.contextmanager
def left_to_others() -> Iterator[None]:
    """Draw no bar while a library draws its own."""
    with LOCK:
        _Bar.others += 1
        if _Bar.stderr is not None:
            wipe(_Bar.stderr)
    try:
        yield
    finally:
        _Bar.others -= 1


def _write(stderr: TextIO, text: str) -> None:
    with room(stderr):
        stderr.write(text)
        _Bar.torn = not text.endswith("\n") if text else _Bar.torn
