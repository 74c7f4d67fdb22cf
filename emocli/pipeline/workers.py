"""Process records in worker processes: results in order, even if a worker dies."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_all_start_methods, get_context, parent_process
from queue import Queue
from typing import Any

from emocli.errors import OutOfMemoryError, lack_of_memory
from emocli.pipeline import live, stopping
from emocli.records import Record

LOOK_S = 1.0  # how often a result that does not come is asked why; our choice


def _start_worker() -> None:
    stopping.in_child()
    with contextlib.suppress(RuntimeError):  # without memory for a thread it works all the same
        threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Exit when the parent has died, perhaps killed: this worker would wait for work for ever."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _workers(jobs: int) -> ProcessPoolExecutor:
    """Return a pool of processes: forked if that is safe, since it is quick, else spawned.

    A process forked while other threads run inherits their locks, and may wait for ever.
    """
    forkable = threading.active_count() == 1 and "torch" not in sys.modules
    method = "fork" if forkable and "fork" in get_all_start_methods() else "spawn"
    return ProcessPoolExecutor(jobs, mp_context=get_context(method), initializer=_start_worker)


def _awaited(pool: ProcessPoolExecutor, future: Future[Record]) -> Record:
    """Return a result; it never comes if the pool's thread has died for want of memory."""
    manager = getattr(pool, "_executor_manager_thread", None)
    while not wait([future], timeout=LOOK_S).done and manager and manager.is_alive():
        pass
    if not future.done():
        raise OutOfMemoryError("worker processes cannot be used", hint="--jobs 1 needs none")
    return future.result()


class _Workers:
    """Worker processes that survive the death of one of them."""

    def __init__(self, attempt: Callable[[Record], Record], jobs: int) -> None:
        self.attempt, self.jobs = attempt, jobs
        self.pool = _workers(jobs)

    def submit(self, record: Record) -> Future[Record]:
        try:
            return self.pool.submit(self.attempt, record)
        except BrokenProcessPool:
            self.pool = _workers(self.jobs)
            return self.pool.submit(self.attempt, record)

    def result(self, record: Record, future: Future[Record]) -> Record:
        """Return the result; a record whose worker died is tried once more, by itself."""
        try:
            return _awaited(self.pool, future)
        except BrokenProcessPool:
            with _workers(1) as single:
                return _awaited(single, single.submit(self.attempt, record))

    def stop(self) -> None:
        for process in list(getattr(self.pool, "_processes", None) or {}).copy():
            _terminate(process)
        self.pool.shutdown(wait=False, cancel_futures=True)


def _terminate(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def in_workers(
    attempt: Callable[[Record], Record],
    records: Iterator[Record],
    died: Callable[[Record], Record],
    flows_past: Callable[[Record], bool],
    jobs: int,
    *,
    name: str,
) -> Iterator[Record]:
    """Yield results in order, each as soon as it and those before it are done."""
    workers = _Workers(attempt, jobs)
    queue: Queue[Any] = Queue(maxsize=4 * jobs)

    def feed() -> None:
        # Workers are started here, and inherit this: a terminal's Ctrl-C reaches them as well,
        # before they can ignore it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for record in records:
                queue.put((record, None if flows_past(record) else workers.submit(record)))
            queue.put(None)
        except BaseException as error:  # raised again by the consumer of the results
            queue.put(error)

    previous = threading.excepthook
    threading.excepthook = lambda what: (
        None if what.exc_value and lack_of_memory(what.exc_value) else previous(what)
    )  # `_awaited` says it
    try:
        threading.Thread(target=feed, daemon=True).start()
        while (item := queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            record, future = item
            if future is not None:
                live.note(name, record)
                try:
                    record = workers.result(record, future)
                except BrokenProcessPool:
                    record = died(record)
            yield record
        workers.pool.shutdown()
    finally:
        workers.stop()
        threading.excepthook = previous
