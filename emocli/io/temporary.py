"""Temporary files without a name, whose errors say that they are temporary files."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from emocli.errors import EmocliError


def file() -> BinaryIO:
    """Return an empty file to write and read; it is gone once it is closed."""
    import tempfile  # 2 ms, which no help page needs

    with _told(), tempfile.TemporaryFile(prefix="emocli-", buffering=0) as plain:
        return cast("BinaryIO", io.BufferedRandom(_Raw(os.dup(plain.fileno()), "r+b")))


class _Raw(io.FileIO):
    def write(self, data: Any) -> int:
        """Write what there is room for; EmocliError where there is none."""
        with _told():
            return super().write(data)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise an error of the operating system as one that names the folder and what to try."""
    try:
        yield
    except OSError as error:
        import tempfile

        folder = tempfile.tempdir or os.environ.get("TMPDIR") or "/tmp"
        raise EmocliError(
            f"no temporary file in {folder}: {error.strerror}",
            hint="TMPDIR names another folder",
        ) from error
