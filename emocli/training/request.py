"""The request of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emocli.records import Record


@dataclass(frozen=True)
class Request:
    """The model, its targets and streams, and the outputs of training.

    `output` is the folder of a bundle; `cv` is the field whose groups of records are left out in
    turn, for out-of-fold predictions. At least one of the two is given.
    """

    model: str = "mlp"  # one of models.names()
    target: str = "emotion"  # a key of heads.KINDS, or several separated by commas
    config: Record = field(default_factory=dict)  # fields of the model's config: table [model]
    settings: Record = field(default_factory=dict)  # fields of state.Settings: table [training]
    streams: Sequence[str] | None = None  # None is all
    output: Path | None = None
    cv: str | None = None
    folds: int = 5  # at most
    seeds: int = 1
    log: Path | None = None  # gets a JSON line per epoch
    resume: bool = False  # resumes from the checkpoints beside the output
    reads_stdin: bool = False  # the records come from stdin, which several processes cannot share
