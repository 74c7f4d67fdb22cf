"""What the machine, or a limit of it, does not give: memory, handles, a working folder."""

from __future__ import annotations

import errno
import mmap
import os
import resource
import sys
from collections.abc import Sequence
from typing import Any

from emocli.errors import EmocliError, ExitStatus, causes, lack_of_memory

MIB = 2**20
# What importing numpy takes of the address space (measured: 85 MiB). Its OpenBLAS ends the process
# with status 1 where that is missing, and waits for ever for threads that could not be started.
NUMPY_BYTES = 96 * MIB
THREAD_BYTES = 40 * MIB  # and each further thread of it: a stack of 8 MiB, a buffer of 32 MiB


def told(error: BaseException) -> tuple[ExitStatus, str] | None:
    """Return the status and the message of an error that is a shortage; None if it is another."""
    lacking = lack_of_memory(error)
    if lacking is not None:
        said = getattr(lacking, "message", str(lacking))  # an error of ours has a hint besides
        first = said.strip().split("\n")[0][:200] or type(lacking).__name__
        hint = getattr(lacking, "hint", "") or _limit() or "a job of more memory"
        return ExitStatus.MEMORY, f"out of memory: {first} ({hint})"
    for cause in () if isinstance(error, EmocliError) else causes(error):
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
            most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return ExitStatus.FAILED, f"too many open files (ulimit -n is {most})"
    return None


def _limit() -> str:
    bytes_, _ = resource.getrlimit(resource.RLIMIT_AS)
    return "" if bytes_ == resource.RLIM_INFINITY else f"ulimit -v is {bytes_ // 1024}"


def lost_folder() -> str | None:
    """Return a message if the working folder was deleted: libraries abort the process then."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is not needed for a help page
    except OSError as error:
        return f"the working folder cannot be read: {error.strerror} (cd to one that exists)"
    return None


def watch() -> None:
    """Check that numpy has room, if there is a limit, at the moment when it is imported."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        sys.meta_path.insert(0, _RoomForNumpy())


class _RoomForNumpy:
    """A finder of modules that finds none, and raises MemoryError where numpy has no room."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: Any = None) -> None:
        if name == "numpy":
            further = (os.cpu_count() or 1) - 1
            if not _has_room(NUMPY_BYTES + further * THREAD_BYTES):
                os.environ["OPENBLAS_NUM_THREADS"] = "1"
            if not _has_room(NUMPY_BYTES):
                raise MemoryError(f"no {NUMPY_BYTES // MIB} MiB of address space for numpy")


def _has_room(size: int) -> bool:
    try:
        mmap.mmap(-1, size).close()
    except (OSError, MemoryError):
        return False
    return True
