"""Small pictures of any sizes, in memory or, where they are many, in a file without a name."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emocli.signals.faces import Picture

IN_MEMORY_BYTES = 2**26  # beyond it they go into the file: a minute of faces. Our choice.


class Kept:
    """Pictures in the order in which they were added; all are added before one is taken."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)  # not /tmp, which may be in memory
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=str(folder))
        self._places: list[tuple[int, tuple[int, ...]]] = []
        self._bytes = 0
        self._data: Any = None

    def add(self, picture: Picture) -> int:
        """Keep a picture (height, width, 3), uint8; return its number."""
        self._places.append((self._bytes, picture.shape))
        self._bytes += self._file.write(picture.tobytes())
        return len(self._places) - 1

    def __getitem__(self, number: int) -> Picture:
        import numpy as np

        if self._data is None:
            self._data = self._all()
        start, shape = self._places[number]
        return np.frombuffer(self._data, np.uint8, int(np.prod(shape)), start).reshape(shape)

    def _all(self) -> Any:
        """Return the bytes of all pictures, mapped into memory if they are in a file."""
        self._file.seek(0)
        if self._bytes <= IN_MEMORY_BYTES:
            return self._file.read()
        self._file.flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
