"""Exit statuses and the tree of errors.

EmocliError
├── UsageError            2  a flag or an argument makes no sense
├── MalformedError        2  a line of input is not a record
├── ConfigError           3  a config file, a bundle or features do not fit together
├── ModelError            4  a pretrained model is not installed and cannot be downloaded
├── EmptyInputError       5  there is no input
├── OutOfMemoryError      7  a batch of one record does not fit into memory
└── RecordError           1  one record failed; it is passed on with `error` or `missing`
    └── AbsentError       0  a record has no such modality; it is passed on with `missing`
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from enum import IntEnum

# What terminals obey or show in another order: control characters, separators of lines, marks of
# direction (Unicode's Bidi_Control); and surrogates: bytes of names that are not UTF-8.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


# How libraries say that they got no memory. (glibc's "in static TLS block" is another shortage.)
NO_MEMORY = re.compile(
    r"out of memory|bad_alloc|can't start new thread|failed to map segment"
    r"|(cannot|can't|unable to|failed to) allocate (?!memory in static TLS)",
    re.IGNORECASE,
)


class ExitStatus(IntEnum):
    """The exit status of a command; if several apply, `SEVERITY` decides."""

    OK = 0
    FAILED = 1  # some records failed
    USAGE = 2  # usage or malformed input
    CONFIG = 3  # config or model mismatch
    MODEL = 4  # model not available
    EMPTY = 5  # no input
    THRESHOLD = 6  # a threshold was missed
    MEMORY = 7  # out of memory after back-off
    INTERRUPTED = 130  # 128 + SIGINT
    CLOSED_PIPE = 141  # 128 + SIGPIPE
    TERMINATED = 143  # 128 + SIGTERM


# The first of these that applies is the exit status.
SEVERITY = (130, 143, 141, 7, 4, 3, 2, 6, 5, 1, 0)


def worst(*statuses: int) -> int:
    """Return the status that outranks the others (signal, 7, 4, 3, 2, 6, 5, 1, 0)."""
    return min(statuses, key=SEVERITY.index, default=0)


class EmocliError(Exception):
    """An expected failure: `message` says what is wrong, `hint` what to try."""

    status = ExitStatus.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(EmocliError):
    """A flag or an argument makes no sense."""

    status = ExitStatus.USAGE


class MalformedError(EmocliError):
    """A line of input is not a record."""

    status = ExitStatus.USAGE


class ConfigError(EmocliError):
    """A config file, a bundle or features do not fit together."""

    status = ExitStatus.CONFIG


class ModelError(EmocliError):
    """A pretrained model is not installed and cannot be downloaded."""

    status = ExitStatus.MODEL


class EmptyInputError(EmocliError):
    """There is no input."""

    status = ExitStatus.EMPTY


class OutOfMemoryError(EmocliError):
    """A batch of one record does not fit into memory."""

    status = ExitStatus.MEMORY


class RecordError(EmocliError):
    """One record failed: `code` is a stable snake_case word that scripts can test for.

    `modality` is set if another modality failed than the one the stage works on; `stream` is set if
    only one stream failed and others of its modality may still be usable.
    """

    modality: str | None = None
    stream: str | None = None

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:  # so that worker processes can pickle it
        return _record_error, (self.code, self.message, self.hint)


class AbsentError(RecordError):
    """The record has no such modality, or nothing usable in it: noted, but not a failure."""

    def __reduce__(self) -> tuple[object, ...]:
        return _absent_error, (self.code, self.message, self.hint)


def _absent_error(code: str, message: str, hint: str) -> AbsentError:
    return AbsentError(code, message, hint=hint)


def _record_error(code: str, message: str, hint: str) -> RecordError:
    return RecordError(code, message, hint=hint)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it was raised for or while handling."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__


def lack_of_memory(error: BaseException) -> BaseException | None:
    """Return the error, among the causes of one, that means a lack of memory on any device."""
    return next(filter(_lacks_memory, causes(error)), None)


def _lacks_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError | OutOfMemoryError):
        return True
    # Only what libraries raise: other messages have names of files and values of records in them.
    of_library = isinstance(error, RuntimeError | ImportError | SystemError)
    of_library = of_library or type(error).__name__ == "SafetensorError"
    return of_library and bool(NO_MEMORY.search(str(error)))


def printable(text: str) -> str:
    r"""Return a text on one line: control characters, marks of direction, invalid bytes escaped.

    >>> printable("red\x1b[31m\ncaf\udce9 \u202eyoj")
    'red\\x1b[31m\\ncaf\\xe9 \\u202eyoj'
    """
    return UNPRINTABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name, as surrogateescape stores it
        return f"\\x{code - 0xDC00:02x}"
    return match[0].encode("unicode_escape").decode()
