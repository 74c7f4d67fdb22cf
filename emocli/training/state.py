"""The settings, the place and the state of a training run."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from emocli.errors import ConfigError, UsageError
from emocli.models import _settings
from emocli.records import Record
from emocli.training import checkpoints, distributed, losses


@dataclass(frozen=True)
class Settings:
    """The settings of training."""

    epochs: int = 300
    patience: int = 20  # epochs without a better dev loss
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 64  # of all processes together
    label_smoothing: float = 0.0
    modality_dropout: float = 0.2  # probability of masking a stream, if there are several
    balanced: bool = True  # class weights, unless `even` balances the classes
    even: bool = False  # class-balanced sampling: rare classes are drawn repeatedly
    loss: str = ""  # for labels: one of losses.NAMES; "" is the default of the target
    squared: bool = False  # for numbers: squared error, not absolute error
    clip_norm: float = 0.0  # greatest norm of the gradient; 0 is no limit
    seed: int = 0


def settings(table: dict[str, Any]) -> Settings:
    """Return the settings of a table; UsageError for an unknown setting or an invalid value."""
    kinds: dict[str, type] = {name: type(value) for name, value in vars(Settings()).items()}
    for name, value in table.items():
        if name not in kinds:
            hint = f"one of {', '.join(kinds)}"
            raise UsageError(f"unknown setting {name} of [training]", hint=hint)
        kind = Literal[("", *losses.NAMES)] if name == "loss" else kinds[name]
        if found := _settings.fault(name, value, kind, RANGES.get(name)):
            raise UsageError(f"[training] {found}")
    return Settings(**table)


RANGES: dict[str, _settings.Range] = {
    "epochs": (1, 10**6),
    "patience": (1, 10**6),
    "learning_rate": (0, 10),
    "weight_decay": (0, 10**3),
    "batch_size": (1, 10**6),
    "label_smoothing": (0, 1),
    "modality_dropout": (0, 1),
    "clip_norm": (0, 1e9),
    "seed": (-(2**63), 2**63 - 1),  # what torch takes
}


@dataclass(frozen=True)
class Place:
    """Where to train: the device, the dtype, the checkpoint to resume from."""

    device: str = "cpu"
    dtype: str = "float32"  # bfloat16 is mixed precision; weights stay float32
    checkpoint: Path | None = None  # written after every epoch
    resume: bool = False
    run: str = ""  # digest of model, data and settings; a checkpoint of another run is refused


class Run:
    """A model, its optimiser and the history of its epochs, as kept in a checkpoint."""

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
        """Say whether training is over: all epochs are done, or `patience` is exhausted."""
        waited = self.epoch - self.best["epoch"]
        return self.epoch >= self.settings.epochs or waited >= self.settings.patience

    def note(self, line: Record) -> None:
        """Record the result of an epoch."""
        self.lines.append(line)
        if line["dev_loss"] < self.best["dev_loss"]:
            self.best = {"epoch": self.epoch, "dev_loss": line["dev_loss"]}
            self.state = copy.deepcopy(self.model.state_dict())

    def save(self) -> None:
        """Write the checkpoint; of several processes only the first writes."""
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
        """Resume from the checkpoint, if there is one; all processes must read the same one."""
        file = self.place.checkpoint
        if not self.place.resume or file is None:
            return
        if file.exists():
            self._load(file)
        # Also a barrier: no process starts before the others.
        distributed.require_same(self.epoch, file)

    def _restore(self, tensors: dict[str, torch.Tensor]) -> None:
        self.state = checkpoints.under(tensors, "best")
        self.model.load_state_dict(self.state)  # it is the model's as well
        self.model.load_state_dict(checkpoints.under(tensors, "model"))
        checkpoints.restore(self.optimiser, tensors)
        self.random.set_state(tensors["random"])
        torch.set_rng_state(tensors["torch"])
        if "cuda" in tensors and self.place.device.startswith("cuda"):
            torch.cuda.set_rng_state(tensors["cuda"], self.place.device)

    def _load(self, file: Path) -> None:
        tensors, facts = checkpoints.load(file)
        if facts["run"] != self.place.run:
            hint = "train without --resume, or with the same records, model and flags"
            raise ConfigError(f"{file} is of other records, flags or another model", hint=hint)
        try:
            self._restore(tensors)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise checkpoints.damaged(file, error) from None
        self.best, self.lines = facts["best"], facts["lines"]
        if self.best["dev_loss"] is None:  # JSON has no infinity
            self.best["dev_loss"] = float("inf")
        self.epoch = len(self.lines)
