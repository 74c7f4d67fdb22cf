"""The kinds of mutation, in order."""

from __future__ import annotations

from collections.abc import Iterator

from emocli.errors import ExitStatus
from tests.fuzz import bundles, configs, files, records, stored
from tests.fuzz.base import Base
from tests.fuzz.examples import Example, Outcome, Target

MAY = {"doctor": ExitStatus.MODEL}  # no model is installed where examples run

KINDS = (records, bundles, configs, files, stored)


def names() -> list[str]:
    """Return the names of the kinds."""
    return [kind.KIND for kind in KINDS]


def targets(base: Base) -> Iterator[Target]:
    """Yield the targets of all kinds."""
    for kind in KINDS:
        yield from kind.targets(base)


def is_well(example: Example, outcome: Outcome) -> bool:
    """Return whether unchanged input ends as it should."""
    return outcome.status in (ExitStatus.OK, MAY.get(example.argv[0], ExitStatus.OK))
