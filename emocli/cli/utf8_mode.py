"""Names of files and text are UTF-8, whatever the locale says."""

from __future__ import annotations

import contextlib
import os
import sys

MODE = ["-X", "utf8"]  # of Python, https://docs.python.org/3/library/os.html#utf8-mode


def ensure() -> None:
    """Start this program again in Python's UTF-8 mode, if names of files are not UTF-8.

    Records name files in UTF-8. A process cannot change how it encodes names of files.
    """
    started = sys.orig_argv[1:]
    if sys.getfilesystemencoding().lower() == "utf-8" or started[: len(MODE)] == MODE:
        return
    with contextlib.suppress(OSError):  # without the program file it goes on as it is
        os.execv(sys.executable, [sys.executable, *MODE, *started])
