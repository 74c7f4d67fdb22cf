"""SIGINT and SIGTERM: the run ends with 130 or 143, cleanly if possible and soon in any case.

A signal raises an exception in the main thread, so that files are closed, workers stopped and the
summary printed. If the exception would be lost, the process prints its final message and exits at
once: in an import (importlib drops what is raised in its callbacks and keeps its locks: a
deadlock), in a finaliser, in a callback from C. It does the same if the main thread does not react
because it is in C code.
"""

from __future__ import annotations

import _thread  # threading takes a millisecond more, in which a signal would be a traceback
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, BinaryIO

PATIENCE_S = 1.0  # time for the main thread to end cleanly; our choice
READER_S = 4.0  # time, after that, for a slow reader to take the rest of a line; our choice
MESSAGE_S = 0.5  # time for the final message, for stderr may be a full pipe; our choice
IMPORTING = "<frozen importlib._bootstrap>"
CALLBACK = "vio_"  # soundfile's callbacks, whose exceptions cffi prints and drops


class Terminated(BaseException):
    """SIGTERM arrived: flush, print the summary, exit with 143."""


EXCEPTIONS: dict[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}
ENDINGS = {0: "", signal.SIGINT: ", interrupted", signal.SIGTERM: ", terminated"}


class _State:
    """The state of signal handling in this process."""

    installed = False
    number = 0  # of the signal that arrived
    writing = False  # a line, which must be written completely
    leaving = False  # the work is over, only the last flush remains
    mask: set[int] = set()  # noqa: RUF012 - the signals that are held back, apart from a fork
    messages: list[Callable[[str], object]] = []  # noqa: RUF012 - there is one process


def install() -> None:
    """Handle the signals from now on; those that the parent ignores stay ignored."""
    if _State.installed:
        return
    _State.installed = True
    for number in EXCEPTIONS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    sys.excepthook = _hook(sys.excepthook)
    previous = sys.unraisablehook
    sys.unraisablehook = lambda what: _unraisable(what, previous)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _thread.start_new_thread(_watch, (reading,))
    os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_forked)


def _hold_back() -> None:
    """Hold signals back during a fork: one sent to the child must not reach the parent's pipe."""
    _State.mask = signal.pthread_sigmask(signal.SIG_BLOCK, EXCEPTIONS)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _State.mask)


def _forked() -> None:
    in_child()
    _let_through()


def in_child() -> None:
    """Let the parent decide what a signal means: it stops its workers by SIGTERM."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def status() -> int:
    """Return the exit status of the signal that arrived, 0 if none has."""
    return 128 + _State.number if _State.number else 0


def ending() -> str:
    """Return the end of the summary line: which signal arrived, if any."""
    return ENDINGS[_State.number]


def check() -> None:
    """Raise the signal's exception again if some library has swallowed it."""
    if _State.number:
        raise EXCEPTIONS[_State.number]


def leaving() -> None:
    """Note that the work is over: a signal has nothing more to wait for."""
    _State.leaving = True


def write(stream: BinaryIO, line: bytes) -> None:
    """Write a complete line before a signal takes effect; a reader may be slow, not stuck.

    An exception in the midst of a long `write` would lose what is not written yet.
    """
    _State.writing = True
    try:
        rest = memoryview(line)
        while rest:  # PYTHONUNBUFFERED makes stdout raw: a signal may cut a write short
            rest = rest[stream.write(rest) :]
        stream.flush()
    finally:
        _State.writing = False
    check()


@contextlib.contextmanager
def final_message(say: Callable[[str], object]) -> Iterator[None]:
    """Call `say` with `ending()` if the process must exit at once."""
    _State.messages.append(say)
    try:
        yield
    finally:
        _State.messages.remove(say)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _State.number and not _State.leaving:
        return  # already ending: `timeout` and shells send a signal twice
    if _State.leaving or _lost(frame):
        _exit_at_once(number)
    _State.number = number
    if not _State.writing:
        raise EXCEPTIONS[number]


def _lost(frame: FrameType | None) -> bool:
    """Return whether an exception raised in a frame might be lost."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename == IMPORTING or code.co_name.startswith(CALLBACK):
            return True
        frame = frame.f_back
    return False


def _hook(previous: Callable[..., object]) -> Callable[..., None]:
    """Return an excepthook for a signal that arrived between two lines of `main`."""

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if _State.number and kind is EXCEPTIONS[_State.number]:
            _exit_at_once(_State.number)
        previous(kind, error, trace)

    return hook


def _unraisable(what: Any, previous: Callable[[Any], object]) -> None:
    if _State.number and what.exc_type is EXCEPTIONS[_State.number]:
        _exit_at_once(_State.number)
    previous(what)


def _watch(wakeups: int) -> None:
    """Wait for a signal, even if the main thread is in C code, and end the process in time."""
    while (number := os.read(wakeups, 1)[0]) not in EXCEPTIONS:
        pass
    time.sleep(PATIENCE_S)
    if _State.writing or _State.leaving:
        time.sleep(READER_S)
    _exit_at_once(number)


def _exit_at_once(number: int) -> None:
    _State.number = number
    with contextlib.suppress(BaseException):
        _thread.start_new_thread(_end, (MESSAGE_S,))
    with contextlib.suppress(BaseException):
        for say in _State.messages:
            say(ending())
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    with contextlib.suppress(BaseException):
        if processes := sys.modules.get("multiprocessing"):
            for child in processes.active_children():
                child.terminate()
    _end(0.0)


def _end(after_s: float) -> None:
    time.sleep(after_s)
    os._exit(status())
