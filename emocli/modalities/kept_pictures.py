"""Small pictures of any sizes, in memory or, where they are many, in a file without a name."""

from __future__ import annotations

import mmap
import tempfile
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emocli.signals.faces import Picture

IN_MEMORY_BYTES = 2**24  # beyond it they go into the file: a minute of a large face. Our choice.


class Kept:
    """Pictures in the order in which they were added; all are added before one is taken."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: list[tuple[int, tuple[int, ...]]] = []
        self._bytes = 0  # of all pictures
        self._last = bytearray()  # those that are not in the file
        self._file: IO[bytes] | None = None
        self._data: Any = None

    def add(self, picture: Picture) -> int:
        """Keep a picture (height, width, 3), uint8; return its number."""
        self._places.append((self._bytes, picture.shape))
        self._last += picture.tobytes()
        self._bytes += picture.nbytes
        if len(self._last) > IN_MEMORY_BYTES:
            self._write()
        return len(self._places) - 1

    def __getitem__(self, number: int) -> Picture:
        import numpy as np

        if self._data is None:
            self._data = self._all()
        start, shape = self._places[number]
        return np.frombuffer(self._data, np.uint8, int(np.prod(shape)), start).reshape(shape)

    def _write(self) -> None:
        """Move what is in memory to the file."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)  # not /tmp, which may be in memory
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        self._file.write(self._last)
        self._last.clear()

    def _all(self) -> Any:
        """Return the bytes of all pictures, mapped into memory if they are in the file."""
        if self._file is None:
            return bytes(self._last)
        self._write()
        self._file.flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
