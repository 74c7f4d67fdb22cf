"""The text of files and cells: encodings, byte order marks, and what a wrong decoding left behind.

Text is UTF-8, or what a byte order mark says. Nothing else is sure, so a table that is neither is
refused with advice; a single small file, such as a transcript, is read as Windows-1252 with a
warning.
"""

from __future__ import annotations

import codecs
import functools
import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from emocli.errors import MalformedError
from emocli.records import decoding

MARKS = (  # the longer marks first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HINT = "text that Windows saved: iconv -f WINDOWS-1252 -t UTF-8"
BYTES_1252 = range(0x80, 0xA0)  # control characters in Latin-1, letters and quotes in Windows-1252
CONTROLS = re.compile("[\x80-\x9f]")


@functools.cache
def _meant() -> dict[int, str]:
    """Return what the bytes 0x80 to 0x9F mean in Windows-1252; five of them mean nothing."""
    meant = {code: bytes([code]).decode("cp1252", "ignore") for code in BYTES_1252}
    return {code: character for code, character in meant.items() if character}


def repaired(text: str) -> str:
    r"""Return a text with U+0080 to U+009F replaced by what these bytes mean in Windows-1252.

    No text contains these control characters: somebody took Windows-1252 for Latin-1, as in
    MELD's tables.

    >>> repaired("it\x92s good\x85")
    'it’s good…'
    """
    if text.isascii() or not CONTROLS.search(text):  # ten times as fast as translating
        return text
    return text.translate(_meant())


def composed(text: str) -> str:
    """Return a text by which to compare it: repaired, and letters with accents in one piece."""
    return text if text.isascii() else unicodedata.normalize("NFC", repaired(text))


def decoded(data: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises ValueError (UnicodeDecodeError) for anything else.
    """
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding)
    if "\0" in text:
        raise ValueError("contains NUL, as UTF-16 without a byte order mark does")
    return repaired(text)


def guessed(data: bytes) -> tuple[str, str | None]:
    r"""Return the text of a file whatever its encoding, and a warning where that is a guess.

    Raises ValueError for what is no text in Windows-1252 either.

    >>> guessed(b"caf\xe9"), guessed(b"cafe")
    (('café', 'not UTF-8: read as Windows-1252'), ('cafe', None))
    """
    try:
        return decoded(data), None
    except UnicodeDecodeError:
        if data.startswith(tuple(mark for mark, _ in MARKS)) or b"\0" in data:
            raise
        return data.decode("cp1252"), "not UTF-8: read as Windows-1252"


def reason(error: Exception) -> str:
    """Return why a file cannot be read as text, in few words, for a message."""
    if not isinstance(error, UnicodeDecodeError):
        return str(error)
    if error.encoding != "utf-8":
        return f"not {error.encoding.upper()}: {error.reason}"
    invalid = error.object[error.start : error.end]
    line = error.object[error.object.rfind(b"\n", 0, error.start) + 1 :].partition(b"\n")[0]
    return f"not UTF-8: {invalid!r} in {decoding.start_of(line)}"


def lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes, str]]:
    """Yield the number, the bytes and the text of each line, its end kept. One pass.

    Raises MalformedError for a line that is not UTF-8, or longer than 16 MiB.
    """
    for number, line in decoding.lines(stream, name):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError(f"{name}:{number}: {reason(error)}", hint=HINT) from None
        yield number, line, repaired(text)
