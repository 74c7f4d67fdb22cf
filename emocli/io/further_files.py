"""Read the records of a file that is read as a whole, such as that of `score --compare FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from emocli.io import ids, opening, tables
from emocli.records import Record


def read(name: str, stdin: BinaryIO) -> Iterator[Record]:
    """Yield the records of a file that a flag names, a table or JSON Lines; "-" is stdin."""
    if not tables.is_table(name):
        yield from (record for _, record in opening.read(name, stdin))
        return
    with opening.required(name, stdin) as stream:
        found = tables.read(stream, name, ids.Numbered())
        yield from opening.named(name, (row.record for row in found))
