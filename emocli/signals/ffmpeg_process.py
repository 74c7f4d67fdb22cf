"""Run ffmpeg: its output over a pipe, its log in a file, with a timeout."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from subprocess import PIPE
from typing import IO, NamedTuple

from emocli.errors import ConfigError, RecordError
from emocli.signals.ffmpeg_log import HINT

# Read before the log is looked at; it then has the header of the input. Half a minute of sound.
FIRST_BYTES = 2**20


# Timeout for a file that hangs (a dead network mount, a pipe that nobody writes to), plus its size
# at a rate far below that of any decoder. Our choice.
PATIENCE_S = 60.0
SLOWEST_BYTES_PER_S = 1_000_000

FAR = "2000000000"  # microseconds and bytes; the largest that old versions take


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


def run(
    command: list[str],
    patience_s: float,
    check: Callable[[str], None],
    *,
    stdin: int = subprocess.DEVNULL,
) -> Result:
    """Return the result of a command; `check` is given the log early, and may raise.

    One pipe, read to its end, and a file for the log: two pipes and `communicate` cost a system
    call per line.
    """
    environment = {**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"}
    with tempfile.TemporaryFile() as log:
        with _started(command, log, environment, stdin) as process:
            output, late = _output(process, patience_s, lambda: check(_text(log)))
        if late:
            message = f"ffmpeg did not finish within {patience_s:.0f} s"
            raise RecordError("decode_failed", message, hint=HINT)
        text = _text(log)
    check(text)
    return Result(output, process.returncode, text)


def address(path: str) -> str:
    """Return a path as ffmpeg's protocol for files."""
    return "file:" + os.path.join(os.getcwd(), path)  # noqa: PTH118, PTH109 - keeps `link/..`


def patience(path: str) -> float:
    """Return after how many seconds a decoder of a file hangs."""
    return PATIENCE_S + Path(path).stat().st_size / SLOWEST_BYTES_PER_S


class Running:
    """A command whose output is read as it comes."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self._process, self._log = process, log

    def read(self, patience_s: float, most: int) -> bytes:
        """Return the next bytes, none at the end; RecordError if none come for so long."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        if not select.select([output], [], [], patience_s)[0]:
            message = f"ffmpeg gave nothing for {patience_s:.0f} s"
            raise RecordError("decode_failed", message, hint=HINT)
        return os.read(output, most)

    @property
    def log_bytes(self) -> int:
        """How long the log is by now."""
        return os.fstat(self._log.fileno()).st_size

    @property
    def log(self) -> str:
        """What the log has so far."""
        return _text(self._log)

    def log_from(self, place: int) -> bytes:
        """Return what the log has from a byte on."""
        return os.pread(self._log.fileno(), max(self.log_bytes - place, 0), place)

    def ends_within(self, seconds: float) -> bool:
        """Say whether the process ends by itself, although its output is not read meanwhile."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish(self) -> Result:
        """Wait for the end; return the exit status and the log."""
        status = self._process.wait()
        return Result(b"", status, self.log)


@contextlib.contextmanager
def running(command: list[str], *, stdin: int = subprocess.DEVNULL) -> Iterator[Running]:
    """Start a command whose output is read block by block; it is killed if it is not finished."""
    environment = {**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"}
    with tempfile.TemporaryFile() as log:
        process = _started(command, log, environment, stdin)
        with process:
            try:
                yield Running(process, log)
            finally:
                process.kill()


def _started(
    command: list[str], log: IO[bytes], environment: dict[str, str], stdin: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stdin=stdin, stdout=PIPE, stderr=log, env=environment)
    except OSError as error:
        raise RecordError("no_ffmpeg", f"cannot run {command[0]}: {error.strerror}") from None


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
