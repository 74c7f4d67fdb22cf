"""Keep a recording that comes through a pipe in a temporary file while the process runs.

The file has no name, so that it is gone with the process however that ends; worker processes and
ffmpeg reach it through /proc. Memory holds a block of it.
"""

from __future__ import annotations

import os
import weakref
from typing import BinaryIO

from emocli.io import temporary

BLOCK_BYTES = 1 << 20
YEARS_NS = 1 << 60  # 36 years: every file system has times up to 1970 and as much


class Copy:
    """A recording in a temporary file, which is there as long as this object is."""

    def __init__(self, file: BinaryIO) -> None:
        descriptor = os.dup(file.fileno())
        # A path for this process and those that it starts.
        self.path = f"/proc/{os.getpid()}/fd/{descriptor}"
        weakref.finalize(self, os.close, descriptor)


def copied(head: bytes, stream: BinaryIO) -> Copy:
    """Return a copy of the bytes taken from a stream and of all that follow.

    Its time of change is a digest of its content: what tells a changed file from a known one (the
    resume key, the recordings kept in memory) then knows the same recording again. Raises
    EmocliError if there is no room.
    """
    import hashlib  # 3 ms, which no help page needs

    digest = hashlib.blake2b(digest_size=8)
    with temporary.file() as file:
        block = head
        while block:
            file.write(block)
            digest.update(block)
            block = stream.read(BLOCK_BYTES)
        file.flush()
        time_ns = int.from_bytes(digest.digest(), "big") % YEARS_NS
        os.utime(file.fileno(), ns=(time_ns, time_ns))
        return Copy(file)
