"""Any command as a filter of lines: one question on its stdin, one answer on its stdout."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import subprocess
import sys
import time
from subprocess import PIPE
from typing import TextIO

from emocli.errors import RecordError, UsageError
from emocli.stages.complaints import Complaints

DIED, ASTRAY = "died", "astray"  # astray: it does not write one line per question
CHUNK = 65536  # bytes of a read
LONGEST = 2**20  # bytes of an answer line; our choice
LEAVE_S = 2.0  # time for a command to end after its stdin is closed


class LineProcess:
    """One process that answers all questions; it is started again if it has ended.

    The command is split as a shell would split it, but no shell runs it. `flag` is where it was
    named, `role` what it is in messages and, before died, astray and timeout, in codes of errors.
    """

    def __init__(
        self, command: str, *, flag: str, role: str, timeout_s: float, stderr: TextIO | None = None
    ) -> None:
        try:
            self.arguments = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"{flag} {command}: {error}") from None
        if not self.arguments:
            raise UsageError(f"{flag} is empty")
        self.command, self.flag, self.role, self.timeout_s = command, flag, role, timeout_s
        self.stderr = stderr or sys.stderr
        self.process: subprocess.Popen[bytes] | None = None
        self.complaints: Complaints | None = None  # of this process
        self.answered = 0  # by this process
        self.rest = b""

    def answer(self, question: bytes) -> bytes:
        """Return the answer line; a process that ended after earlier answers is started again."""
        answered_before = self.answered
        try:
            line = self._exchange(question, time.monotonic() + self.timeout_s)
        except RecordError as error:
            if error.code != f"{self.role}_{DIED}" or not answered_before:
                raise
            line = self._exchange(question, time.monotonic() + self.timeout_s)
        self.answered += 1
        return line

    def _exchange(self, question: bytes, until: float) -> bytes:
        """Write a line and read one at the same time, so that neither side waits for the other."""
        process = self._running()
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None
        pending = memoryview(question)
        with selectors.DefaultSelector() as ready:
            ready.register(stdout, selectors.EVENT_READ)
            ready.register(stdin, selectors.EVENT_WRITE)
            while b"\n" not in self.rest:
                events = ready.select(max(0.0, until - time.monotonic()))
                if not events:
                    raise self._timed_out()
                for key, _ in events:
                    if key.fileobj is stdout:
                        self._take(os.read(stdout.fileno(), CHUNK))
                    elif pending:
                        pending = pending[self._write(stdin.fileno(), pending) :]
                        if not pending:
                            ready.unregister(stdin)
            if pending:
                raise self._ended("answered before it had read the question", ASTRAY)
        line, _, self.rest = self.rest.partition(b"\n")
        if self.rest:
            lines = f"{line!r:.60}, {self.rest!r:.60}"
            raise self._ended(f"wrote more than one line: {lines}", ASTRAY)
        return line

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and not self._has_ended():
            return self.process
        self.close()
        try:
            self.process = subprocess.Popen(
                self.arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0
            )
        except OSError as error:
            raise UsageError(
                f"{self.flag} {self.command}: {error.strerror}: {self.arguments[0]}",
                hint="sh -c '...' runs a shell",
            ) from None
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.complaints = Complaints(self.process.stderr, self.stderr)
        os.set_blocking(self.process.stdin.fileno(), False)
        return self.process

    def _has_ended(self) -> bool:
        """Say whether the process has ended; raise if it wrote a line without a question."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            if not self.answered or not ready.select(0):
                return self.process.poll() is not None
        unasked = os.read(self.process.stdout.fileno(), CHUNK)
        if unasked:
            raise self._ended(f"wrote a line without a question: {unasked!r:.60}", ASTRAY)
        return True

    def _take(self, data: bytes) -> None:
        if not data and not self.rest:
            raise self._ended("ended without an answer")
        self.rest += data or b"\n"  # the last line may lack its newline
        if len(self.rest) > LONGEST:
            raise self._ended(f"wrote {LONGEST} bytes without a newline", ASTRAY)

    def _write(self, descriptor: int, data: memoryview) -> int:
        try:
            return os.write(descriptor, data[:CHUNK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            # It may have answered already; if not, reading its stdout shows that it ended.
            return len(data)

    def _timed_out(self) -> RecordError:
        self._kill()
        return RecordError(
            f"{self.role}_timeout",
            f"no answer within {self.timeout_s:g} s",
            hint="it must flush every line; --timeout SECONDS waits longer",
        )

    def _ended(self, event: str, code: str = DIED) -> RecordError:
        status = self._kill()
        tail = f" (exit status {status})" if status is not None else ""
        return RecordError(
            f"{self.role}_{code}",
            f"the {self.role} {event}{tail}",
            hint="one line in, one line out, flushed",
        )

    def _kill(self) -> int | None:
        """Kill the process; return its exit status if it had ended by itself."""
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._drop(self.process.wait(0.1))
        self.process.kill()
        self.process.wait()
        return self._drop(None)

    def _drop(self, status: int | None) -> int | None:
        assert self.process is not None
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        if self.complaints is not None:
            self.complaints.end()
        self.process, self.complaints, self.answered, self.rest = None, None, 0, b""
        return status

    def close(self) -> None:
        """Close the command's stdin, which tells it to end, and kill it if it does not."""
        if self.process is None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LEAVE_S)
        self._kill()
