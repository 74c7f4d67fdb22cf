"""The feature store: arrays and audio on disk, addressed by their content."""

from __future__ import annotations

import functools
import hashlib
import io
import math
import mmap
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli.errors import EmocliError, RecordError, UsageError
from emocli.io import writing
from emocli.io.folders import cache_home

if TYPE_CHECKING:
    import numpy as np


HEADER = 128  # bytes of the header of a .npy file of a plain array


class Store:
    """A folder of files named after the sha256 of their content; written once, never changed."""

    def __init__(self, root: str | Path | None = None) -> None:
        chosen = root or os.environ.get("EMOCLI_STORE") or cache_home() / "store"
        self.root = Path(chosen)

    @staticmethod
    def name(digest: str, suffix: str) -> str:
        """Return the relative path of content."""
        return f"{digest[:2]}/{digest[2:]}{suffix}"

    def has(self, digest: str, suffix: str) -> str | None:
        """Return the relative path of content that is already stored, else None."""
        name = Store.name(digest, suffix)
        return name if (self.root / name).exists() else None

    def put(self, digest: str, suffix: str, *data: Any) -> str:
        """Write buffers, in order, under their digest, atomically; return the relative path."""
        name = Store.name(digest, suffix)
        target = self.root / name
        if not target.exists():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(target, data)
            except OSError as error:
                raise (EmocliError if writing.is_full(error) else UsageError)(
                    f"cannot write to the store {self.root}: {error.strerror}",
                    hint="--store DIR or EMOCLI_STORE names another folder",
                ) from None
        return name

    def path(self, name: str) -> Path:
        """Return the full path of a plain file.

        Raises RecordError if it is outside the store, missing, or a device or pipe, which could
        be waited for without end.
        """
        if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
            raise RecordError("bad_store_path", f"not a path inside the store: {name!r:.80}")
        path = self.root / name
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):  # also a name that no file can have
            raise RecordError(
                "not_in_store",
                f"{name!r:.80} is not in the store {self.root}",
                hint="--store DIR or EMOCLI_STORE names the store it was written to",
            ) from None
        if not stat.S_ISREG(mode):
            raise RecordError("bad_store_path", f"not a plain file in the store: {name!r:.80}")
        return path

    def put_array(self, array: np.ndarray) -> dict[str, Any]:
        """Write an array as .npy; return the reference a record carries."""
        import numpy as np

        array = np.ascontiguousarray(array)
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
        data = (head.getvalue(), array.reshape(-1).view(np.uint8).data)  # a long one is not copied
        digest = hashlib.sha256()
        for part in data:
            digest.update(part)
        path = self.put(digest.hexdigest(), ".npy", *data)
        return {
            "path": path,
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "sha256": digest.hexdigest(),
        }

    def array(self, reference: dict[str, Any]) -> np.ndarray:
        """Return an array that a record refers to, memory-mapped and read-only.

        Raises RecordError if the file is not the one that was written, by its sha256.
        """
        import numpy as np

        path = self.path(reference["path"])
        if sha256 := reference.get("sha256"):
            _require(path, sha256)
        with open(path, "rb") as file:
            layout = _layout(file.read(HEADER))
            if layout is None:
                return np.load(path, mmap_mode="r", allow_pickle=False)
            shape, dtype, start = layout
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)


def _require(path: Path, sha256: Any) -> None:
    """Raise RecordError unless a file has this digest."""
    status = path.stat()
    if _digest(path, status.st_size, status.st_mtime_ns) != sha256:
        message = f"{path} is not what was written: its sha256 is not {sha256!r:.80}"
        raise RecordError("bad_feature", message, hint="encode it again")


@functools.lru_cache(maxsize=1 << 16)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    """Return the sha256 of a file; computed again if its size or time have changed.

    Training reads an array in every epoch, and hashing takes longer than mapping it.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=4096)
def _layout(header: bytes) -> tuple[tuple[int, ...], Any, int] | None:
    """Return shape, dtype and offset of the data of an array, from the header of its file.

    None if numpy has to read the header itself. Cached: arrays of one shape have the same header,
    and parsing it takes numpy longer than mapping the file.
    """
    import numpy as np

    file = io.BytesIO(header)
    if np.lib.format.read_magic(file) != (1, 0) or len(header) < HEADER:
        return None
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    return (
        None if fortran or dtype.hasobject or file.tell() > HEADER else (shape, dtype, file.tell())
    )


def _write(target: Path, data: Iterable[Any]) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            for part in data:
                file.write(part)
            writing.on_disk(file)  # what is there is never written again: it has to be whole
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
