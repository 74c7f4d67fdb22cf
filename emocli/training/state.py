"""How a model is trained, and how far that has come: settings, place, and the run itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emocli.errors import ConfigError, UsageError
from emocli.records import Record
from emocli.training import checkpoints, distributed


@dataclass(frozen=True)
class Settings:
    """How to train; what the data does not say."""

    epochs: int = 300
    patience: int = 20  # epochs without a better dev loss
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 64  # of all processes together
    label_smoothing: float = 0.0
    modality_dropout: float = 0.2  # chance that a stream is masked, when there are several
    balanced: bool = True  # classes weigh the same; of even draws they do anyway
    even: bool = False  # draw records evenly from the classes, rare ones again and again
    loss: str = ""  # of labels: one of losses.NAMES; "" is the default of the target
    squared: bool = False  # of numbers: squared errors, not absolute ones
    clip_norm: float = 0.0  # longest gradient; 0 is any
    seed: int = 0


def settings(table: dict[str, Any]) -> Settings:
    """Return the settings of a table; UsageError names what is no setting, or its value."""
    kinds: dict[str, type] = {name: type(value) for name, value in vars(Settings()).items()}
    for name, value in table.items():
        if name not in kinds:
            raise UsageError(f"[training] has no {name}", hint=f"there are {', '.join(kinds)}")
        kind = kinds[name]
        if type(value) not in ((kind, int) if kind is float else (kind,)):
            raise UsageError(f"[training] {name} = {value!r}: not of the kind {kind.__name__}")
        if name in ("epochs", "patience", "batch_size") and value < 1:
            raise UsageError(f"[training] {name} = {value!r}: below 1")
    return Settings(**table)


@dataclass(frozen=True)
class Place:
    """Where to train: the device, the numbers it computes in, the checkpoint to go on from."""

    device: str = "cpu"
    dtype: str = "float32"  # bfloat16: mixed precision, weights stay float32
    checkpoint: Path | None = None  # written after every epoch
    resume: bool = False
    run: str = ""  # what identifies model, data and settings: a checkpoint of others is refused


class Run:
    """A model, its optimiser and what is known of its epochs: what a checkpoint keeps."""

    def __init__(self, model: Any, settings: Settings, place: Place) -> None:
        self.model, self.settings, self.place = model, settings, place
        self.random = torch.Generator().manual_seed(settings.seed)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.epoch = 0
        self.best: Record = {"epoch": 0, "dev_loss": float("inf")}
        self.state = copy.deepcopy(model.state_dict())
        self.lines: list[Record] = []

    def over(self) -> bool:
        """Say whether training ends here: all epochs done, or none better for a while."""
        waited = self.epoch - self.best["epoch"]
        return self.epoch >= self.settings.epochs or waited >= self.settings.patience

    def note(self, line: Record) -> None:
        """Take in what an epoch gave."""
        self.lines.append(line)
        if line["dev_loss"] < self.best["dev_loss"]:
            self.best = {"epoch": self.epoch, "dev_loss": line["dev_loss"]}
            self.state = copy.deepcopy(self.model.state_dict())

    def save(self) -> None:
        """Write the checkpoint; of several processes the first does."""
        if self.place.checkpoint is None or distributed.world()[0]:
            return
        tensors = {
            **checkpoints.weights(self.model, "model"),
            **checkpoints.prefixed(self.state, "best"),
            **checkpoints.moments(self.optimiser),
            "random": self.random.get_state(),
            "torch": torch.get_rng_state(),
        }
        if self.place.device.startswith("cuda"):
            tensors["cuda"] = torch.cuda.get_rng_state(self.place.device)
        facts = {"run": self.place.run, "best": self.best, "lines": self.lines}
        checkpoints.save(self.place.checkpoint, tensors, facts)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one; of several processes all from the same."""
        file = self.place.checkpoint
        if not self.place.resume or file is None:
            return
        if file.exists():
            self._load(file)
        # Waits for all: none goes ahead.
        if distributed.all_reduce_max([self.epoch]) != [self.epoch]:
            hint = "it must lie where all processes see it"
            raise ConfigError(f"{file} is not what another process has read", hint=hint)

    def _load(self, file: Path) -> None:
        tensors, facts = checkpoints.load(file)
        if facts["run"] != self.place.run:
            hint = "train without --resume, or with what it was begun with"
            raise ConfigError(f"{file} is of other records, flags or another model", hint=hint)
        self.model.load_state_dict(checkpoints.under(tensors, "model"))
        self.state = checkpoints.under(tensors, "best")
        checkpoints.restore(self.optimiser, tensors)
        self.random.set_state(tensors["random"])
        torch.set_rng_state(tensors["torch"])
        if "cuda" in tensors and self.place.device.startswith("cuda"):
            torch.cuda.set_rng_state(tensors["cuda"], self.place.device)
        self.best, self.lines = facts["best"], facts["lines"]
        if self.best["dev_loss"] is None:  # JSON has no infinity
            self.best["dev_loss"] = float("inf")
        self.epoch = len(self.lines)
