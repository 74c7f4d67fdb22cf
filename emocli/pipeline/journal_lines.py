"""The lines of a journal: a mark, the key of a record of the input, a checksum, what it became."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import zlib
from collections.abc import Iterator
from typing import Any

from emocli import records
from emocli.pipeline import parts
from emocli.records import Record, failures

GOOD, BAD = b"+", b"-"  # did the stage succeed?
KEPT = b"="  # its bytes stand in the finished output: offset, length, number of records
KEY_CHARACTERS, CHECK_CHARACTERS = 32, 8  # hexadecimal
BODY = len(GOOD) + KEY_CHARACTERS + CHECK_CHARACTERS  # where the records begin on a line
BETWEEN = b"\x1e"  # the records that one became; JSON has this character escaped only
SAMPLE_BYTES = 1 << 16  # of the beginning and of the end of a file: its content, as far as is read


def key(record: Record, config: bytes) -> bytes:
    """Return the resume key: what the record is, its file, and the configuration."""
    found = digest(records.dumps(parts.public(record)), config)
    with contextlib.suppress(Exception):
        found.update(content(records.path_of(record)))
    return found.hexdigest().encode()


def digest(data: bytes, config: bytes) -> Any:
    """Return a digest of the length of a key."""
    return hashlib.blake2b(data, digest_size=KEY_CHARACTERS // 2, key=config)


def content(path: str) -> bytes:
    """Return size, time, beginning and end of a file; a recording of hours is not read whole."""
    status = os.stat(path)  # noqa: PTH116 - may not be UTF-8
    facts = b"%d %d " % (status.st_size, status.st_mtime_ns)
    if not stat.S_ISREG(status.st_mode):  # a pipe can be read only once
        return facts
    with open(path, "rb") as file:
        start = file.read(SAMPLE_BYTES)
        file.seek(max(0, status.st_size - SAMPLE_BYTES))
        return facts + start + file.read(SAMPLE_BYTES)


def entry(key: bytes, record: Record) -> bytes:
    """Return the journal line of a record."""
    became = parts.of(record)
    mark = BAD if any(failures.of(part) for part in became) else GOOD
    return line(mark, key, BETWEEN.join(records.dumps(part).rstrip(b"\n") for part in became))


def line(mark: bytes, key: bytes, body: bytes) -> bytes:
    """Return a line with its checksum."""
    return mark + key + b"%08x" % zlib.crc32(key + body) + body + b"\n"


def is_whole(line: bytes) -> bool:
    """Return whether a line is as it was written: a crash of the machine leaves torn ones."""
    check = line[1 + KEY_CHARACTERS : BODY]
    return line.endswith(b"\n") and check == b"%08x" % zlib.crc32(key_of(line) + line[BODY:-1])


def key_of(line: bytes) -> bytes:
    """Return the key of a line."""
    return line[1 : 1 + KEY_CHARACTERS]


def place(line: bytes) -> tuple[int, int, int]:
    """Return offset, length and number of records of a line with the mark KEPT."""
    offset, length, count = line[BODY:].split()
    return int(offset), int(length), int(count)


def count(line: bytes) -> int:
    """Return how many records a line puts into the output."""
    if line.startswith(KEPT):
        return place(line)[2]
    return line.count(BETWEEN, BODY) + 1 if len(line) > BODY + 1 else 0


def records_of(line: bytes) -> Iterator[Record]:
    """Yield the records of a line that has them."""
    for text in line[BODY:-1].split(BETWEEN) if len(line) > BODY + 1 else ():
        yield records.parse(text, "journal")
