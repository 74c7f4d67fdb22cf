"""Read a pipe ahead in a thread, so that it can be seen that nothing comes.

A window ends where the input idles: what has come is then worked on and written, rather than kept
until enough has come. A fast pipe never idles, and fills windows as a file does.
"""

from __future__ import annotations

import _thread
import threading
from collections import deque
from collections.abc import Iterator

from emocli.pipeline import live
from emocli.records import Record

IDLE_S = 0.03  # without a record the input idles; for an answer within 0.1 s, our choice
MOST = 64  # records that are read ahead; each may carry half a minute of sound, 1 MB


class Ahead:
    """The records of an iterator, which a thread reads; errors come where they belong."""

    def __init__(self, records: Iterator[Record]) -> None:
        self.records = records
        self.ready: deque[Record] = deque()
        self.changed = threading.Condition()
        self.waits = self.full = self.ended = False
        self.error: BaseException | None = None
        _thread.start_new_thread(self._read, ())  # not one that keeps workers from forking

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        """Return the next record; wait for it as long as it takes."""
        try:
            record = self.ready.popleft()
        except IndexError:
            record = self._awaited()
        if self.full and len(self.ready) < MOST // 2:
            self._tell()
        return record

    def _awaited(self) -> Record:
        live.note(live.WAITING)
        self._comes(None)
        if self.ready:
            return self.ready.popleft()
        raise self.error or StopIteration from None

    def idles(self) -> bool:
        """Say whether no record comes for a while, and the input has not ended either."""
        return not self.ready and not self._comes(IDLE_S)

    def _comes(self, seconds: float | None) -> bool:
        """Wait until a record is ready or there is none any more; say whether that is so."""
        with self.changed:
            self.waits = True
            arrived = self.changed.wait_for(lambda: self.ready or self.ended, seconds)
            self.waits = False
        return bool(arrived)

    def _tell(self) -> None:
        with self.changed:
            self.full = False
            self.changed.notify_all()

    def _read(self) -> None:
        try:
            ready = self.ready
            for record in self.records:
                ready.append(record)
                if self.waits:
                    self._tell()
                if len(ready) >= MOST:
                    with self.changed:
                        self.full = True
                        self.changed.wait_for(lambda: len(self.ready) < MOST // 2)
        except BaseException as error:  # raised again where the records are used
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify_all()
