"""From bytes to lines: byte order marks, UTF-16, what NUL separates, and no endless lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import orjson

from emocli.errors import MalformedError

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 200  # objects and arrays inside one another
NOT_NUMBERS = re.compile("-?(NaN|Infinity)")
BOM = codecs.BOM_UTF8
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each line, without a byte order mark. One pass.

    Raises MalformedError for a line that is not UTF-8 but UTF-16, or longer than 16 MiB.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM)
        check(line, f"{name}:{number}")
        yield number, line


def check(line: bytes, where: str) -> None:
    """Raise MalformedError where a line is too long or has NUL bytes, as UTF-16 does."""
    if len(line) > MAX_LINE_BYTES:
        raise MalformedError(f"{where}: line is longer than {MAX_LINE_BYTES // 2**20} MiB")
    if line.startswith(UTF16) or b"\0" in line:
        raise MalformedError(
            f"{where}: NUL bytes, as in UTF-16 or in lists that NUL separates",
            hint="iconv -f UTF-16 -t UTF-8 converts the one, -0 reads the other",
        )


def start_of(line: bytes) -> str:
    """Return as much of a line as a message shows."""
    text = line[:60].decode("utf-8", "replace").strip()
    return text + ("..." if len(line) > 60 else "")


class Pushed:
    """A stream whose first line has been read and is handed out again."""

    def __init__(self, line: bytes, stream: BinaryIO, blank: int) -> None:
        self.before, self.stream = [b"\n"] * blank + [line], stream

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line."""
        return self.before.pop(0) if self.before else self.stream.readline(limit)

    def read1(self, size: int = -1) -> bytes:
        """Return what is there, at most `size` bytes."""
        if self.before:
            return self.before.pop(0)
        read1 = getattr(self.stream, "read1", self.stream.read)
        return cast("bytes", read1(size))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def split(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what NUL characters separate."""
    rest = b""
    read1 = getattr(stream, "read1", stream.read)
    while block := read1(1 << 16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    yield rest.rstrip(b"\n")


def not_json(line: bytes, where: str, error: orjson.JSONDecodeError) -> MalformedError:
    """Return the error that says why a line is not JSON, and what to try."""
    if "depth" in error.msg:
        return MalformedError(f"{where}: nested deeper than {MAX_DEPTH}")
    hint = "one JSON object per line"
    if NOT_NUMBERS.match(line.decode("utf-8", "replace")[error.pos :]):
        hint = "JSON has neither NaN nor Infinity: null stands for what is undefined"
    elif "end of data" in error.msg:
        hint += "; was the line cut off? jq -c . puts what is spread over lines on one"
    return MalformedError(
        f"{where}: not JSON: {error.msg} at column {error.colno}: {start_of(line)}",
        hint=hint,
    )


def depth(value: Any) -> int:
    """Return how many objects and arrays are inside one another."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth
