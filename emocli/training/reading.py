"""Read an input that is useless unless it is complete."""

from __future__ import annotations

from collections.abc import Iterator

from emocli.errors import MalformedError
from emocli.io.inputs import Source
from emocli.pipeline import live
from emocli.records import Record, name_of
from emocli.records.problems import Failure


def complete(source: Source) -> Iterator[Record]:
    """Yield the records of an input; raise MalformedError for one that is broken or cut short."""
    live.note(live.READING)
    for record in source:
        error = record.get("error")
        if isinstance(error, Failure):
            raise MalformedError(f"{name_of(record)}: {error['message']}", hint=error["hint"])
        yield record
    if source.problem is not None:
        raise source.problem
