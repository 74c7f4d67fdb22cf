"""Send the records of the input through a stage, except those that a journal has."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from emocli import pipeline
from emocli.pipeline.journal import Journal
from emocli.pipeline.journal_lines import digest, entry, key
from emocli.pipeline.windows import Window
from emocli.records import Record


class Outcome(NamedTuple):
    """What a record of the input became, and its journal line; `record` is None if it was kept."""

    record: Record | None
    line: bytes


def through(
    found: Iterator[Record], stage: pipeline.Stage, journal: Journal, config: bytes, window: Window
) -> Iterator[Outcome]:
    """Yield the outcomes in order.

    A window of the stage is kept or computed again as a unit, so that batches have the same members
    as in a run that was not interrupted. What an earlier run has finished is in no window.
    """
    plan: deque[Planned] = deque()

    def pending() -> Iterator[Record]:
        row: list[Planned] = []
        fresh = found if window.together else _unfinished(found, journal, config, row)
        for first in fresh:
            members = list(window.take(first, fresh))
            if window.together:
                row.extend(Planned(k, None) for k in _keys_together(members, config))
            kept = all(journal.is_kept(p.key) for p in row if p.line is None)
            plan.extend(p._replace(line=b"") if p.line is None and kept else p for p in row)
            row.clear()
            if not kept:
                yield from members
        plan.extend(row)

    def replayed() -> Iterator[Outcome]:
        while plan and plan[0].line is not None:
            planned = plan.popleft()
            yield Outcome(None, planned.line or journal.line(planned.key))

    for record in stage(pending()):
        yield from replayed()
        yield Outcome(record, entry(plan.popleft().key, record))
    yield from replayed()


class Planned(NamedTuple):
    """A record of the input: its line if it is kept (b"": in the old journal), None if not."""

    key: bytes
    line: bytes | None


def _unfinished(
    found: Iterator[Record], journal: Journal, config: bytes, row: list[Planned]
) -> Iterator[Record]:
    """Yield the records that no earlier run has finished; all are appended to `row`."""
    for record in found:
        of_record = key(record, config)
        line = journal.finished.line(of_record) if journal.finished else None
        row.append(Planned(of_record, line))
        if line is None:
            yield record


def _keys_together(members: list[Record], config: bytes) -> list[bytes]:
    """Return the keys of a window whose results depend on all of its records, as the keys do."""
    keys = [key(record, config) for record in members]
    everything = hashlib.blake2b(b"".join(keys)).digest()
    return [digest(everything, k).hexdigest().encode() for k in keys]
