"""Split bytes into lines: byte order marks, UTF-16, NUL separators, a limit on line length."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import orjson

from emocli.errors import MalformedError

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 200  # levels of nested objects and arrays
NON_FINITE = re.compile("-?(NaN|Infinity)")
LINES = re.compile(rb"[^\n]*\n|[^\n]+")  # each with its end
BOM = codecs.BOM_UTF8
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each line, without byte order marks. One pass.

    Each file that `cat` has joined may begin with a mark. UTF-16 with one becomes UTF-8. Raises
    MalformedError for UTF-16 without a mark, and for a line longer than 16 MiB.
    """
    number = 0
    readline: Callable[[int], bytes] = stream.readline
    while line := readline(MAX_LINE_BYTES + 2):
        number += 1
        if number == 1 and line.startswith(UTF16):
            readline = Utf16Stream(line, stream, name).readline
            line = readline(MAX_LINE_BYTES + 2)
        line = line.removeprefix(BOM)
        check(line, f"{name}:{number}")
        yield number, line


def check(line: bytes, where: str) -> None:
    """Raise MalformedError if a line is too long or contains NUL bytes, as UTF-16 does."""
    if len(line) > MAX_LINE_BYTES:
        raise MalformedError(f"{where}: line is longer than {MAX_LINE_BYTES // 2**20} MiB")
    if line.startswith(UTF16) or b"\0" in line:
        raise MalformedError(
            f"{where}: contains NUL bytes, as UTF-16 and NUL-separated lists do",
            hint="iconv -f UTF-16 -t UTF-8 converts UTF-16; -0 reads a NUL-separated list; sound "
            "needs a header, such as that of wav",
        )


def start_of(line: bytes) -> str:
    """Return the start of a line, for a message."""
    text = line[:60].decode("utf-8", "replace").strip()
    return text + ("..." if len(line) > 60 else "")


class Utf16Stream:
    """The lines of a UTF-16 stream in UTF-8, of which some bytes were already read."""

    def __init__(self, start: bytes, stream: BinaryIO, name: str) -> None:
        self.stream, self.name = stream, name
        self.decoder = codecs.getincrementaldecoder("utf-16")()
        self.ready: deque[bytes] = deque()
        self.rest, self.ended = b"", False
        self._take(start)

    def readline(self, limit: int) -> bytes:
        """Return the next line; what exceeds the limit before it ends is returned as it is."""
        while not (self.ready or self.ended or len(self.rest) > limit):
            block = _available(self.stream)
            self.ended = not block
            self._take(block)
        if self.ready:
            return self.ready.popleft()
        line, self.rest = self.rest, b""
        return line

    def _take(self, block: bytes) -> None:
        try:
            text = self.decoder.decode(block, final=self.ended).encode()
        except UnicodeError as error:
            raise MalformedError(f"{self.name}: begins as UTF-16, but is not: {error}") from None
        *whole, self.rest = (self.rest + text).split(b"\n")
        self.ready.extend(line + b"\n" for line in whole)


def _available(stream: BinaryIO, size: int = 1 << 16) -> bytes:
    """Return the bytes that can be read without waiting for more."""
    read1 = getattr(stream, "read1", None) or stream.read
    return cast("bytes", read1(size))


class PushbackStream:
    """A stream that hands out again the first lines that were already read from it."""

    def __init__(self, taken: bytes, stream: BinaryIO, blank: int = 0) -> None:
        self.before, self.stream = [b"\n"] * blank + LINES.findall(taken), stream

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line; one that was taken in part is read to its end."""
        line = self.before.pop(0) if self.before else b""
        if self.before or line.endswith(b"\n"):
            return line
        return line + self.stream.readline(limit - len(line) if limit > 0 else -1)

    def read1(self, size: int = -1) -> bytes:
        """Return the bytes that are available, at most `size`."""
        if self.before:
            return self.before.pop(0)
        return _available(self.stream, size)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def split(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the items of a NUL-separated list."""
    rest = b""
    while block := _available(stream):
        *items, rest = (rest + block).split(b"\0")
        yield from items
    yield rest.rstrip(b"\n")


def not_json(line: bytes, where: str, error: orjson.JSONDecodeError) -> MalformedError:
    """Return the error that says why a line is not JSON, and what to try."""
    if "depth" in error.msg:
        return MalformedError(f"{where}: nested deeper than {MAX_DEPTH}")
    hint = "one JSON object per line"
    if NON_FINITE.match(line.decode("utf-8", "replace")[error.pos :]):
        hint = "JSON has neither NaN nor Infinity: null stands for an undefined number"
    elif "end of data" in error.msg:
        hint += "; was the line cut off? jq -c . puts an object that spans several lines on one"
    return MalformedError(
        f"{where}: not JSON: {error.msg} at column {error.colno}: {start_of(line)}",
        hint=hint,
    )


def depth(value: Any) -> int:
    """Return how deeply objects and arrays are nested."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth
