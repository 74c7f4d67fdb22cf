"""The three standard streams of a process; tests pass their own."""

from __future__ import annotations

import io
import os
import stat
import sys
from dataclasses import dataclass
from typing import BinaryIO, TextIO

# What stands in for a closed stream. No records come in; messages have nobody who reads them; but
# records that go nowhere are an error, and writing to a file that is open for reading is one.
STAND_INS = {"stdin": os.O_RDONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}
PIPE_BYTES = 1 << 16  # what a pipe of Linux holds: fewer reads than of 4 KiB, as Python would


@dataclass
class StandardStreams:
    """The streams of a command: records in, records out, messages to people."""

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: TextIO


def of_process() -> StandardStreams:
    """Return the standard streams of this process."""
    complete()
    return StandardStreams(_stdin(), sys.stdout.buffer, sys.stderr)


def _shown(stream: TextIO) -> str:
    """Return the encoding of a stream; of a terminal the locale's, which UTF-8 mode hides.

    Records and names of files are UTF-8 everywhere (`cli.utf8_mode`), what a terminal shows is not.
    """
    chosen = os.environ.get("PYTHONUTF8") == "1" or "PYTHONIOENCODING" in os.environ
    if chosen or not stream.isatty():
        return stream.encoding
    import locale  # a millisecond, for terminals only

    return locale.getencoding()


def _stdin() -> BinaryIO:
    """Return stdin with a buffer of its own, which a thread may wait for.

    A process forked meanwhile closes `sys.stdin`, and would wait for ever for a lock of that one.
    """
    try:
        return open(sys.stdin.fileno(), "rb", buffering=PIPE_BYTES, closefd=False)
    except (OSError, ValueError):  # a stream of a program that calls this one
        return sys.stdin.buffer


def is_pipe(stream: BinaryIO) -> bool:
    """Say whether a stream is a pipe or a socket, with another program at its other end."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def complete() -> None:
    """Open the standard streams that the parent closed, before any other file gets their numbers.

    No text is refused on its way to a terminal of another encoding.
    """
    for number, (name, mode) in enumerate(STAND_INS.items()):
        try:
            os.fstat(number)
        except OSError:  # closed; the lowest free number is the one of this stream
            os.set_inheritable(os.open(os.devnull, mode), True)
        if getattr(sys, name) is None:
            mode_of_text = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(number, mode_of_text, encoding="utf-8", closefd=False))
        if name != "stdin" and isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(encoding=_shown(stream), errors="backslashreplace")
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        # PYTHONUNBUFFERED: `write` then writes as much as there is room for, and raises nothing.
        stream = io.TextIOWrapper(io.BufferedWriter(raw), sys.stdout.encoding, "backslashreplace")
        stream.reconfigure(write_through=True)
        sys.stdout = stream
