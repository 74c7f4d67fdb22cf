"""The request of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emocli.errors import UsageError
from emocli.records import Record

FEWEST = 2  # folds


@dataclass(frozen=True)
class Request:
    """The model, its targets and streams, and the outputs of training.

    `output` is the folder of a bundle; `cv` is the field whose groups of records are left out in
    turn, for out-of-fold predictions, or several with commas between them, whose groups are left
    out at once. At least one of the two is given. Raises UsageError for a wrong `cv` or `folds`.
    """

    model: str = "mlp"  # one of models.names()
    target: str = "emotion"  # a key of heads.KINDS, or several separated by commas
    config: Record = field(default_factory=dict)  # fields of the model's config: table [model]
    settings: Record = field(default_factory=dict)  # fields of state.Settings: table [training]
    streams: Sequence[str] | None = None  # None is all
    output: Path | None = None
    cv: str | None = None
    folds: int | str = 5  # at most, of each field of `cv`; "5,2" for each its own
    seeds: int = 1
    log: Path | None = None  # gets a JSON line per epoch
    resume: bool = False  # resumes from the checkpoints beside the output
    reads_stdin: bool = False  # the records come from stdin, which several processes cannot share

    def __post_init__(self) -> None:
        if self.cv is not None and ("" in self.fields or len(set(self.fields)) < len(self.fields)):
            raise UsageError(f"--cv {self.cv}: names of fields, each once, with commas between")
        self.counts  # noqa: B018  # checked before any work

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of `cv`."""
        return () if self.cv is None else tuple(name.strip() for name in self.cv.split(","))

    @property
    def counts(self) -> tuple[int, ...]:
        """The folds of each field of `cv`, at most."""
        numbers = str(self.folds).split(",")
        if not all(number.strip().isdecimal() and int(number) >= FEWEST for number in numbers):
            raise UsageError(f"--folds {self.folds}: whole numbers of at least {FEWEST}")
        if self.cv is not None and len(numbers) not in (1, len(self.fields)):
            message = f"{len(numbers)} numbers for {len(self.fields)} fields of --cv"
            raise UsageError(f"--folds {self.folds}: {message}", hint="one, or one for each field")
        return tuple(map(int, numbers * len(self.fields)))[: len(self.fields)]
