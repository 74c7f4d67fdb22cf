"""Write output to stdout, to a pipe or a device, or to a file that appears complete or never."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from emocli.errors import EmocliError, UsageError
from emocli.io.lock import Lock

DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd")  # targets of /dev/fd and /dev/stdout
MAX_LINKS = 40  # as Linux follows


def place(path: Path | None) -> Path | None:
    """Return the file that --output PATH writes, links followed; None for stdout, also for "-".

    Raises UsageError for a folder, and for links that form a loop.
    """
    if path is None or str(path) == "-":
        return None
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder", hint="name a file in it")
    for _ in range(MAX_LINKS):
        if not path.is_symlink() or _is_descriptor(path):
            return path
        path = path.parent / path.readlink()
    raise UsageError(f"cannot write {path}: its links form a loop")


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe, a device or an open file, which must not be replaced.

    Output there cannot be atomic, nor can it be resumed.
    """
    try:
        return _is_descriptor(path) or not stat.S_ISREG(path.stat().st_mode)
    except OSError:  # does not exist yet
        return False


def is_full(error: OSError) -> bool:
    """Return whether a disk, a quota or a limit is used up: not an error of usage."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def full_disk_raised(path: Path) -> Iterator[None]:
    """Raise the error of a full disk as an EmocliError that names the file."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        hint = "--output names a file elsewhere"
        raise EmocliError(f"cannot write {path}: {error.strerror}", hint=hint) from None


def _is_descriptor(path: Path) -> bool:
    return bool(DESCRIPTORS.fullmatch(str(path.parent.resolve())))


@contextlib.contextmanager
def whole_file(path: Path | None, stdout: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a stream: stdout, or the file PATH.part that becomes `path` if nothing is raised.

    A pipe or a device is written straight into. Raises UsageError if another process writes `path`.
    """
    path = place(path)
    if path is None:
        yield stdout
        stdout.flush()
        return
    if is_special(path):
        with full_disk_raised(path), opened(path, "ab") as file:
            yield file
        return
    part = path.with_name(f"{path.name}.part")
    with locked(path) as lock:
        try:
            with full_disk_raised(path), opened_new(part) as file:
                yield file
                on_disk(file)
            lock.confirm()
            replace(part, path)
        except BaseException:
            if lock.is_mine():
                part.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Lock]:
    """Hold the lock of an output file or folder; UsageError if another process writes it."""
    try:
        lock = Lock(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    try:
        yield lock
    finally:
        lock.release()


def on_disk(file: BinaryIO) -> None:
    """Wait until the content of a file would survive a crash of the machine."""
    file.flush()
    os.fsync(file.fileno())


def replace(part: Path, path: Path) -> None:
    """Rename a file whose content is on disk, and wait until the rename is."""
    part.replace(path)
    with contextlib.suppress(OSError):  # some file systems cannot sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def opened_new(path: Path) -> BinaryIO:
    """Open a file that no process has open yet: a stopped one may still write into the earlier."""
    with contextlib.suppress(OSError):  # opening it says why it cannot be replaced
        path.unlink(missing_ok=True)
    return opened(path, "xb")


def opened(path: Path, mode: str) -> BinaryIO:
    """Open a file for writing; UsageError if that fails."""
    try:
        return cast("BinaryIO", path.open(mode))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
