"""What an example is, and how it is drawn: the same one for the same seed, target and number."""

from __future__ import annotations

import contextlib
import hashlib
import random
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Record = dict[str, Any]
MARK = "fuzz_mark"  # a field that no command knows: the number of the record
ROUND = 25  # examples that are drawn together; the choices of one round are varied in it


@dataclass(frozen=True)
class Example:
    """A command line with its stdin, the files that it finds, and what was changed in them.

    `marks` are the numbers of the records that have to come out, in order, of a command that writes
    one record per record; `whole` are those which nobody touched. With `run_ends` what is wrong is
    wrong for all records, and told once; `same` is a file that must be written as without the
    changes; with `own_folder` the command may write anywhere in the folder it runs in.
    """

    argv: list[str]
    stdin: bytes = field(default=b"", repr=False)
    files: dict[str, bytes | None] = field(default_factory=dict, repr=False)  # None: it is removed
    changes: tuple[str, ...] = ()
    marks: tuple[int, ...] | None = None
    whole: tuple[int, ...] = ()
    json_out: bool = True
    run_ends: bool = False
    same: str | None = None
    own_folder: bool = False
    target: str = ""
    number: int = 0
    seed: int = 0

    @property
    def again(self) -> str:
        """The command line that runs it again."""
        only = f"'{self.target}'" if " " in self.target else self.target
        return f"python -m tests.fuzz --seed {self.seed} --only {only} --example {self.number}"


@dataclass(frozen=True)
class Target:
    """A command line with its kind of mutation: `kind/command flags`, and what draws examples."""

    name: str
    whole: Example  # nothing is mutated
    strategy: st.SearchStrategy[Example]

    @property
    def kind(self) -> str:
        """The kind of mutation."""
        return self.name.split("/")[0]


@dataclass(frozen=True)
class Outcome:
    """What an example did; `trace` is where an exception came from that nobody expected."""

    status: int | None = None  # None: it did not end by itself
    stdout: bytes = b""
    stderr: str = ""
    leaked: str = ""  # what went to the process's own stdout and stderr
    traceback: str = ""
    unexpected: tuple[str, ...] = ()
    wrote: tuple[str, ...] = ()  # outside of where it may
    same: bytes | None = None
    seconds: float = 0.0
    grown_mb: float = 0.0
    ended: str = ""  # how it died, else ""


@dataclass(frozen=True)
class Broken:
    """A promise that an example broke, and the cause, which is the same for like examples."""

    promise: str
    cause: str


@dataclass(frozen=True)
class Task:
    """Examples for one worker, and for each what the unchanged input gives."""

    examples: list[Example]
    wholes: list[Outcome | None] = field(default_factory=list)


Result = tuple[Example, Outcome, list[Broken]]


class _EnoughError(BaseException):
    """So many examples were wanted. It is not an error of the strategy, which is an Exception."""


def drawn(target: Target, number: int, round_: int, most: int = ROUND) -> list[Example]:
    """Return the examples of one round of a target, the first of them if they are enough."""
    found: list[Example] = []
    digest = hashlib.sha256(f"{number} {target.name} {round_}".encode()).digest()

    @seed(int.from_bytes(digest[:8], "big"))
    @settings(
        max_examples=ROUND + 1,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.strategy)
    def collect(example: Example) -> None:
        found.append(example)
        if len(found) > most:
            raise _EnoughError

    state = random.getstate()
    with contextlib.suppress(_EnoughError):
        collect()
    random.setstate(state)
    first = round_ * ROUND
    # The first example of a round is always the simplest one.
    return [
        replace(e, target=target.name, number=first + i, seed=number)
        for i, e in enumerate(found[1 : most + 1])
    ]


def example(target: Target, number: int, index: int) -> Example:
    """Return one example of a target."""
    return next(e for e in drawn(target, number, index // ROUND) if e.number == index)
