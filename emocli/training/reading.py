"""The records of an input that is only good for something if it is whole."""

from __future__ import annotations

from collections.abc import Iterator

from emocli.io.inputs import Source
from emocli.records import Record


def whole(source: Source) -> Iterator[Record]:
    """Yield the records of an input; at its end raise the MalformedError that cut it short."""
    for _, record in source:
        yield record
    if source.problem is not None:
        raise source.problem
