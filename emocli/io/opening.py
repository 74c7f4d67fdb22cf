"""Open what records, lists and tables are read from: a file, a pipe or stdin; unpack gzip."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeVar, cast

from emocli import records
from emocli.errors import MalformedError, UsageError

GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952; no line of JSON, of a list or of a table begins so
GZIP = ".gz"

Item = TypeVar("Item")


def opened(path: str) -> BinaryIO:
    """Open a file, unpacked if it is gzip by its first bytes or by its name. Raises OSError."""
    with contextlib.ExitStack() as until_it_is_known:
        stream = unpacked(until_it_is_known.enter_context(open(path, "rb")), path)
        until_it_is_known.pop_all()
    return stream


def is_pipe(path: str) -> bool:
    """Say whether a path is a pipe or a socket, without opening it, which could wait for ever."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - may not be UTF-8
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextlib.contextmanager
def required(path: str, stdin: BinaryIO) -> Iterator[BinaryIO]:
    """Open a file that a flag names or a command needs; UsageError if that fails.

    "-" is stdin, which stays open.
    """
    if path == "-":
        yield unpacked(stdin, "<stdin>")
        return
    try:
        stream = opened(path)
    except OSError as error:
        raise UsageError(f"cannot open {path}: {error.strerror}") from None
    with stream:
        yield stream


def read(path: str, stdin: BinaryIO) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the lines and records of a file that a flag names, or of stdin."""
    name = "<stdin>" if path == "-" else path
    with required(path, stdin) as stream:
        yield from named(name, records.read(stream, name))


def named(name: str, items: Iterator[Item]) -> Iterator[Item]:
    """Yield what is read from a stream; MalformedError naming it if reading fails."""
    try:
        yield from items
    except OSError as error:
        raise unreadable(name, error) from None


def unreadable(name: str, error: OSError) -> MalformedError:
    """Return the error of a stream that cannot be read."""
    return MalformedError(f"cannot read {name}: {error.strerror or error}")


def damaged(name: str, what: str) -> MalformedError:
    """Return the error of compressed data that is not whole."""
    return MalformedError(f"{name}: {what}", hint="is it complete? gzip -t checks")


def unpacked(stream: BinaryIO, name: str) -> BinaryIO:
    """Return a stream, or what it has packed. A pipe is waited for until its first bytes come."""
    try:
        first = begins(stream, len(GZIP_MAGIC))
    except OSError as error:
        raise unreadable(name, error) from None
    if not first and name.lower().endswith(GZIP):
        raise damaged(name, "empty, not even the header of compressed data")
    # A pipe may have given one byte so far, which no line begins with either.
    if first.startswith(GZIP_MAGIC) or first == GZIP_MAGIC[:1] or name.lower().endswith(GZIP):
        return cast("BinaryIO", io.BufferedReader(_Unpacked(stream, name)))
    return stream


def begins(stream: BinaryIO, count: int) -> bytes:
    """Return the first bytes of a stream without taking them; more or fewer than asked for."""
    if isinstance(stream, io.BufferedReader):
        return stream.peek(count)
    first = stream.read(count)
    stream.seek(-len(first), io.SEEK_CUR)
    return first


class _Unpacked(io.RawIOBase):
    """What gzip packed, in one member or several; what is damaged is a MalformedError."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        import gzip  # a millisecond, which no help page needs

        self.stream, self.name = stream, name
        self.file = gzip.GzipFile(fileobj=stream)

    def readable(self) -> bool:
        """Return True: this is a stream to read."""
        return True

    def readinto(self, target: Any) -> int:
        """Read at most as much as there is room for."""
        try:
            data = self.file.read1(len(target))
        except EOFError:
            raise damaged(self.name, "compressed, and cut off before its end") from None
        except zlib.error as error:
            raise damaged(self.name, str(error)) from None
        except OSError as error:
            if error.errno is None:  # BadGzipFile
                raise damaged(self.name, str(error)) from None
            raise unreadable(self.name, error) from None
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file as well; stdin is closed by nobody."""
        if not self.closed and self.name != "<stdin>":
            self.stream.close()
        super().close()
