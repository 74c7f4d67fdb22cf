"""Any command as annotator: a question on its stdin, an answer on its stdout, a line each."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import subprocess
import time

from emocli import records
from emocli.errors import RecordError, UsageError
from emocli.records import Record
from emocli.stages.annotate.raters import Answer, Question

UNSEEN = ("label", "annotations")  # what others said of the record is kept from an annotator
DIED = "annotator_died"
ASTRAY = "annotator_astray"  # its lines are not the answers to the questions, one to one
CHUNK = 65536  # bytes of a read
LONGEST = 2**20  # bytes of an answer's line: our choice
LEAVE_S = 2.0  # what a command has to end after its stdin is closed


class Command:
    """One process that answers question after question; a new one where it has ended.

    No shell: the command is split as a shell would split it.
    """

    prompted = True

    def __init__(self, command: str, labels: list[str], timeout_s: float) -> None:
        try:
            self.arguments = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"--command {command}: {error}") from None
        if not self.arguments:
            raise UsageError("--command is empty")
        self.command, self.chosen, self.timeout_s = command, labels, timeout_s
        self.process: subprocess.Popen[bytes] | None = None
        self.answered = 0  # by this process
        self.rest = b""

    def name(self, _record: Record) -> str:
        """Return the command as it was given."""
        return f"command: {self.command}"

    def labels(self, _record: Record) -> list[str]:
        """Return what it is asked to choose from."""
        return self.chosen

    def ask(self, record: Record, question: Question) -> Answer:
        """Send the record with the question in `annotate`, and return the line that comes back."""
        asked = {
            **{key: value for key, value in record.items() if key not in UNSEEN},
            "annotate": {
                "persona": question.persona.name,
                "temperature": question.temperature,
                "seed": question.seed,
                "labels": question.labels,
                "prompt": question.prompt,
            },
        }
        started = time.perf_counter()
        line = self._answer(records.dumps(asked))
        seconds = round(time.perf_counter() - started, 4)
        return Answer(line.decode("utf-8", "replace").rstrip("\r\n"), {"seconds": seconds})

    def _answer(self, question: bytes) -> bytes:
        """Return the line for a question; one that answered before and has ended is asked anew."""
        before = self.answered
        try:
            line = self._exchange(question, time.monotonic() + self.timeout_s)
        except RecordError as error:
            if error.code != DIED or not before:
                raise
            line = self._exchange(question, time.monotonic() + self.timeout_s)
        self.answered += 1
        return line

    def _exchange(self, question: bytes, until: float) -> bytes:
        """Write a line and read one; both at once, for neither side may wait for the other."""
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
                    raise self._late()
                for key, _ in events:
                    if key.fileobj is stdout:
                        self._take(os.read(stdout.fileno(), CHUNK))
                    elif pending:
                        pending = pending[self._give(stdin.fileno(), pending) :]
                        if not pending:
                            ready.unregister(stdin)
            if pending:
                raise self._ended("answered before it had read the question", ASTRAY)
        line, _, self.rest = self.rest.partition(b"\n")
        if self.rest:
            more = f"{line!r:.60}, {self.rest!r:.60}"
            raise self._ended(f"wrote more than one line: {more}", ASTRAY)
        return line

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and not self._has_ended():
            return self.process
        self.close()
        try:
            self.process = subprocess.Popen(
                self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise UsageError(
                f"--command {self.command}: {error.strerror}: {self.arguments[0]}",
                hint="sh -c '...' runs a shell",
            ) from None
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        return self.process

    def _has_ended(self) -> bool:
        """Say whether the process is gone; raise where it has written what nobody asked for."""
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
        self.rest += data or b"\n"  # the last line may lack its end
        if len(self.rest) > LONGEST:
            raise self._ended(f"wrote {LONGEST} bytes and no end of the line", ASTRAY)

    def _give(self, number: int, data: memoryview) -> int:
        try:
            return os.write(number, data[:CHUNK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)  # it may have answered before; if not, its stdout says it has ended

    def _late(self) -> RecordError:
        self._kill()
        return RecordError(
            "annotator_timeout",
            f"no answer within {self.timeout_s:g} s",
            hint="it must flush every line; --timeout SECONDS",
        )

    def _ended(self, how: str, code: str = DIED) -> RecordError:
        status = self._kill()
        tail = f" (exit status {status})" if status is not None else ""
        return RecordError(
            code, f"the annotator {how}{tail}", hint="one line in, one line out, flushed"
        )

    def _kill(self) -> int | None:
        """End the process now; return its exit status where it had ended by itself."""
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
        self.process, self.answered, self.rest = None, 0, b""
        return status

    def close(self) -> None:
        """Close the command's stdin, which is its sign to end, and see that it does."""
        if self.process is None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LEAVE_S)
        self._kill()
