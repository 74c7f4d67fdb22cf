"""The options of `score`: a field for each of its flags that decides a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emocli.errors import UsageError

AUTO = "auto"
PRESENT, ALL = "present", "all"
NO_CLUSTER = "none"
EXPLANATION = "explanation"


@dataclass(frozen=True)
class ScoreOptions:
    """What to score, how to resample, and the limits of metrics.

    `cluster` is the field to resample by, "none" for single records, and None for the default of
    the task. A file named "-" is stdin. Raises UsageError for an invalid value.
    """

    task: str = AUTO
    by: str | None = None  # "a,b": a row for each value of each field
    minimum: Sequence[str] | None = None  # "METRIC=X"
    maximum: Sequence[str] | None = None
    cluster: str | None = None
    bootstrap: int = 1000  # resamples; 0 gives no intervals
    compare: str | None = None  # a file of other predictions of the same records
    train: str | None = None  # a file of the training records
    stream: str | None = None  # its unimodal prediction is scored
    labels: str = PRESENT  # or ALL
    restrict: str | None = None  # or PRESENT
    threshold: float = 0.5  # of task multilabel
    seed: int = 0
    judge: str | None = None  # a command that judges explanations

    def __post_init__(self) -> None:
        if self.labels not in (PRESENT, ALL):
            raise UsageError(f"--labels {self.labels}: neither present nor all")
        if self.judge is not None and self.task != EXPLANATION:
            raise UsageError(f"--judge needs --task {EXPLANATION}")
        if self.restrict not in (None, PRESENT):
            raise UsageError(f"--restrict {self.restrict}: only 'present' is known")

    @property
    def all_labels(self) -> bool:
        """Whether labels that neither truth nor prediction have are shown, and lower macro F1."""
        return self.labels == ALL

    @property
    def absent_f1(self) -> float:
        """The F1 of a label that neither truth nor prediction have."""
        return 0.0 if self.all_labels else float("nan")

    @property
    def limits(self) -> list[tuple[str, str]]:
        """Every limit as its flag, "min" or "max", and "METRIC=X"."""
        sides = (("min", self.minimum), ("max", self.maximum))
        return [(flag, spec) for flag, specs in sides for spec in specs or ()]

    def cluster_fields(self, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the fields to resample by, the first that a record has."""
        if self.cluster is None:
            return default
        return () if self.cluster == NO_CLUSTER else (self.cluster,)
