"""Run ffmpeg: its output over a pipe, its log in a file, with a timeout."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache
from subprocess import PIPE
from typing import IO, NamedTuple

from emocli.errors import ConfigError, RecordError
from emocli.signals.ffmpeg_log import HINT

# Read before the log is looked at; it then has the header of the input. Half a minute of sound.
FIRST_BYTES = 2**20


class Result(NamedTuple):
    """What a command wrote, its exit status and its log."""

    output: bytes
    status: int
    log: str


def binary() -> str:
    """Return $EMOCLI_FFMPEG, else the ffmpeg on the PATH, else the one in imageio-ffmpeg."""
    return _find(os.environ.get("EMOCLI_FFMPEG"), os.environ.get("PATH"))


@lru_cache(maxsize=8)
def _find(chosen: str | None, _search_path: str | None) -> str:
    if chosen:
        if binary := shutil.which(chosen):
            return binary
        raise ConfigError(f"EMOCLI_FFMPEG={chosen}: no such program")
    if binary := shutil.which("ffmpeg"):
        return binary
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        hint = "install ffmpeg, or pip install imageio-ffmpeg; wav and flac need neither"
        raise RecordError("no_ffmpeg", "decoding this file needs ffmpeg", hint=hint) from None


def run(command: list[str], patience_s: float, check: Callable[[str], None]) -> Result:
    """Return the result of a command; `check` is given the log early, and may raise.

    One pipe, read to its end, and a file for the log: two pipes and `communicate` cost a system
    call per line.
    """
    environment = {**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"}
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=log, env=environment
            )
        except OSError as error:
            raise RecordError("no_ffmpeg", f"cannot run {command[0]}: {error.strerror}") from None
        with process:
            output, late = _output(process, patience_s, lambda: check(_text(log)))
        if late:
            message = f"ffmpeg did not finish within {patience_s:.0f} s"
            raise RecordError("decode_failed", message, hint=HINT)
        text = _text(log)
    check(text)
    return Result(output, process.returncode, text)


def _text(log: IO[bytes]) -> str:
    """Return what a log has so far; the process that writes it appends, wherever it is read."""
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), size, 0).decode("utf-8", "replace")


def _output(
    process: subprocess.Popen[bytes], patience_s: float, look: Callable[[], None]
) -> tuple[bytes, bool]:
    """Return what a process writes, and whether it had to be killed."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(patience_s, kill)
    timer.daemon = True
    timer.start()
    try:
        assert process.stdout is not None
        output = process.stdout.read(FIRST_BYTES)
        if len(output) == FIRST_BYTES:
            look()
            output += process.stdout.read()
        process.wait()
        return output, late.is_set()
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
