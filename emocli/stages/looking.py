"""Look at films ahead: while their sound is heard, a thread finds the faces in their frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple

from emocli import modalities, pipeline
from emocli.pipeline.context import Context
from emocli.records import Record

MOST = 8  # films that are looked at and not used yet; each may hold 60 faces, 9 MB. Our choice.


class Begun(NamedTuple):
    """What is found in a film, or will be; and the room that it takes until it is used."""

    future: Future[Any]
    room: threading.Semaphore


def begin(context: Context, spec: Record, wanted: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that begins to look at the films of the `wanted` records, in their order.

    `settle` hands over what was found. With worker processes, which cannot be forked beside a
    thread, nothing is begun; nor for a modality that cannot look ahead.
    """
    ahead = getattr(modalities.load(spec["modality"]), "ahead", None)
    if ahead is None or context.jobs > 1:
        return lambda records: records

    def run(records: Iterator[Record]) -> Iterator[Record]:
        queue: SimpleQueue[Any] = SimpleQueue()
        room, started = threading.Semaphore(MOST), False
        for record in records:
            if not record.get("error") and wanted(record):
                begun = Begun(Future(), room)
                seen = {key: value for key, value in record.items() if not key.startswith("\0")}
                record[modalities.ahead_key(spec)] = begun
                queue.put((begun, seen))
                if not started:
                    given = (ahead, context, spec, queue)
                    threading.Thread(target=_look, args=given, daemon=True).start()
                    started = True
            yield record
        queue.put(None)

    return run


def _look(ahead: Callable[..., Any], context: Context, spec: Record, queue: Any) -> None:
    while (item := queue.get()) is not None:
        (future, room), record = item
        room.acquire()
        if not future.set_running_or_notify_cancel():
            room.release()  # somebody was faster
            continue
        try:
            future.set_result(ahead(context, spec, record))
        except BaseException as error:  # raised again where it is used
            future.set_exception(error)


def settle(record: Record, spec: Record) -> None:
    """Put what was found into a record in place of what has begun; nothing if nobody has looked.

    Raises what looking raised.
    """
    begun = record.pop(modalities.ahead_key(spec), None)
    if isinstance(begun, Begun) and not begun.future.cancel():
        try:
            record[modalities.ahead_key(spec)] = begun.future.result()
        finally:
            begun.room.release()
