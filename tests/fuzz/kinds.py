"""The kinds of mutation, in order."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz import bundles, configs, files, records, stored
from tests.fuzz.base import Base
from tests.fuzz.examples import Target

KINDS = (records, bundles, configs, files, stored)


def names() -> list[str]:
    """Return the names of the kinds."""
    return [kind.KIND for kind in KINDS]


def targets(base: Base) -> Iterator[Target]:
    """Yield the targets of all kinds."""
    for kind in KINDS:
        yield from kind.targets(base)
