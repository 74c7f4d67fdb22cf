"""The settings of training a language model, and what is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocli.errors import UsageError
from emocli.models import _settings

SFT, GRPO = "sft", "grpo"
OBJECTIVES = (SFT, GRPO)
TEMPLATED, NONE = "template", "none"  # of --rationale; else the name of a field
# The projections that get an adapter, rank, alpha, dropout and the batch are those of the notes on
# VowelPrompt (Wang et al. 2026), which does not state them; the rest is our choice.


@dataclass(frozen=True)
class Settings:
    """The settings of training: the table [training] and the flags."""

    epochs: float = 3.0
    learning_rate: float = 2e-4
    weight_decay: float = 0.0
    batch_size: int = 16  # records in a step, of all processes together
    part_size: int = 8  # records that are computed at a time
    warm_up: float = 0.03  # share of the steps in which the learning rate rises
    clip_norm: float = 1.0
    rank: int = 16  # 0 trains soft tokens alone: the language model stays as it is
    alpha: int = 32
    dropout: float = 0.05
    balanced: bool = False  # whether all labels weigh the same
    evaluations: int = 4  # on held-out records, evenly spaced; the best adapter is kept
    patience: int = 4  # evaluations without a better loss before stopping
    dev_records: int = 256  # held-out records that are looked at, at most
    recompute: bool = False  # activations, to save memory
    shard: bool = False  # the backbone over the processes, for one that does not fit a GPU
    modality_dropout: float = 0.0  # probability of leaving a stream of soft tokens out
    seed: int = 0
    # Of GRPO alone.
    group: int = 8  # completions of a prompt
    clip: float = 0.2
    kl: float = 0.25
    temperature: float = 1.0
    length: int = 160  # tokens of a completion, at most
    updates: int = 1  # steps with the same completions
    accuracy: float = 1.0  # weights of the rewards
    format: float = 1.0
    truth: float = 1.0

    @property
    def shares(self) -> bool:
        """Whether what the prompts of a part begin with is computed once.

        Not if activations are computed again, nor by processes that must call a network equally
        often.
        """
        return not (self.recompute or self.shard)


RANGES: dict[str, _settings.Range] = {
    "epochs": (1e-6, 10**6),
    "learning_rate": (0, 10),
    "weight_decay": (0, 10**3),
    "batch_size": (1, 10**6),
    "part_size": (1, 10**6),
    "warm_up": (0, 1),
    "clip_norm": (0, 1e9),
    "rank": (0, 4096),
    "alpha": (1, 10**5),
    "dropout": (0, 0.9),
    "modality_dropout": (0, 1),
    "evaluations": (1, 10**4),
    "patience": (1, 10**4),
    "dev_records": (1, 10**6),
    "seed": (-(2**63), 2**63 - 1),
    "group": (2, 1024),
    "clip": (0, 1),
    "kl": (0, 10**3),
    "temperature": (0.01, 100),
    "length": (1, 10**5),
    "updates": (1, 100),
    "accuracy": (0, 10**3),
    "format": (0, 10**3),
    "truth": (0, 10**3),
}


def settings(table: dict[str, Any]) -> Settings:
    """Return the settings of a table; UsageError for an unknown setting or an invalid value."""
    kinds: dict[str, type] = {name: type(value) for name, value in vars(Settings()).items()}
    for name, value in table.items():
        if name not in kinds:
            hint = f"--model language has {', '.join(kinds)}"
            raise UsageError(f"unknown setting {name} of [training]", hint=hint)
        if found := _settings.fault(name, value, kinds[name], RANGES.get(name)):
            raise UsageError(f"[training] {found}")
    return Settings(**table)


@dataclass(frozen=True)
class Request:
    """What to train: the language model, how it is asked, on what it starts, for how long."""

    backbone: str | None = None  # a name of the catalog or the hub, a folder
    objective: str = SFT
    template: str | None = None  # this and the next four: None is the default, or what `start` has
    labels: tuple[str, ...] | None = None  # None is those of the records
    context: int | None = None
    prosody: str | None = None
    soft: str | None = None  # what stands in the prompt besides words
    rationale: str = NONE  # template, a field of the records, none
    start: Path | None = None  # a bundle whose adapter is trained further
    budget: float | None = None  # minutes, of all trainings together

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UsageError(f"--objective {self.objective}: not one of {', '.join(OBJECTIVES)}")
        if self.backbone is None and self.start is None:
            hint = "such as smollm2-135m-instruct, or a folder"
            raise UsageError("--model language needs --backbone NAME", hint=hint)
        if self.start is not None:
            self._require_unsaid()
        elif self.objective == GRPO:
            hint = "train it with --objective sft --rationale template first"
            raise UsageError("--objective grpo needs --start BUNDLE", hint=hint)
        if self.budget is not None and not self.budget > 0:
            raise UsageError(f"--budget {self.budget}: not a number of minutes")

    def _require_unsaid(self) -> None:
        """Raise UsageError for what the bundle to start from decides."""
        for name in ("template", "labels", "context", "prosody", "soft"):
            if getattr(self, name) is not None:
                raise UsageError(f"--{name}: --start {self.start} has its own", hint="leave it out")

    @property
    def has_thought(self) -> bool:
        """Whether a thought comes before the answer."""
        return self.rationale != NONE or self.objective == GRPO
