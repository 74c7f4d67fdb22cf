"""Read an input that is useless unless it is complete."""

from __future__ import annotations

from collections.abc import Iterator

from emocli.io.inputs import Source
from emocli.records import Record


def complete(source: Source) -> Iterator[Record]:
    """Yield the records of an input; then raise the MalformedError that cut it short, if any."""
    for _, record in source:
        yield record
    if source.problem is not None:
        raise source.problem
