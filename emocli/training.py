"""One readable loop for small models, and the temperature that calibrates them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emocli.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How to train; what the data does not say."""

    epochs: int = 300
    patience: int = 20  # epochs without a better dev loss
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 64
    label_smoothing: float = 0.0
    modality_dropout: float = 0.2  # chance that a stream is masked, when there are several
    balanced: bool = True  # classes weigh the same, whatever their number of records
    seed: int = 0


@dataclass
class Data:
    """Vectors (records, dim) and masks (records,) by stream; targets (records,)."""

    streams: dict[str, Tensor]
    masks: dict[str, Tensor]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, index: Tensor) -> Data:
        """Return some of the records."""
        streams = {name: values[index] for name, values in self.streams.items()}
        masks = {name: values[index] for name, values in self.masks.items()}
        return Data(streams, masks, self.targets[index])


def standardise(model: Any, data: Data) -> None:
    """Set the model's `mean` and `scale` from the records that have each stream."""
    means, scales = [], []
    for name in model.config.dims:
        values = data.streams[name][data.masks[name]]
        if len(values) < 2:
            raise UsageError(f"stream {name}: {len(values)} training records have it, 2 are needed")
        means.append(values.mean(dim=0))
        scales.append(values.std(dim=0).clamp_min(1e-6))
    model.mean.copy_(torch.cat(means))
    model.scale.copy_(torch.cat(scales))


def class_weights(targets: Tensor, classes: int) -> Tensor:
    """Return N / (C n_c) per class, clipped to [0.25, 4]; 0 for a class without records."""
    counts = torch.bincount(targets, minlength=classes).float()
    weights = (len(targets) / (classes * counts.clamp_min(1))).clamp(0.25, 4.0)
    return torch.where(counts > 0, weights, 0.0)


def fit(
    model: Any, train: Data, dev: Data, settings: Settings, report: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train with AdamW until the dev loss no longer falls; leave the best weights in the model.

    Returns {epoch, dev_loss} of the best epoch; `report` gets one dict per epoch.
    """
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)
    standardise(model, train)
    weights = class_weights(train.targets, model.config.classes) if settings.balanced else None
    criterion = nn.CrossEntropyLoss(weight=weights, label_smoothing=settings.label_smoothing)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    best: dict[str, Any] = {"epoch": 0, "dev_loss": float("inf")}
    state = copy.deepcopy(model.state_dict())
    for epoch in range(1, settings.epochs + 1):
        loss = _epoch(model, _batches(train, settings, random), criterion, optimiser)
        dev_loss = float(criterion(logits(model, dev), dev.targets))
        report({"epoch": epoch, "train_loss": loss, "dev_loss": dev_loss})
        if dev_loss < best["dev_loss"]:
            best = {"epoch": epoch, "dev_loss": dev_loss}
            state = copy.deepcopy(model.state_dict())
        elif epoch - best["epoch"] >= settings.patience:
            break
    model.load_state_dict(state)
    return best


def _batches(data: Data, settings: Settings, random: torch.Generator) -> Iterator[Data]:
    """Yield all records in random order, some of their streams masked."""
    order = torch.randperm(len(data), generator=random)
    for index in torch.split(order, settings.batch_size):
        batch = data.rows(index)
        masks = _dropped(batch.masks, settings.modality_dropout, random)
        yield Data(batch.streams, masks, batch.targets)


def _epoch(
    model: Any, batches: Iterator[Data], criterion: nn.Module, optimiser: torch.optim.Optimizer
) -> float:
    """Go once over the batches; return the mean loss of a record."""
    model.train()
    total, count = 0.0, 0
    for batch in batches:
        loss = criterion(model(batch.streams, batch.masks), batch.targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += float(loss.detach()) * len(batch)
        count += len(batch)
    return total / count


def _dropped(masks: dict[str, Tensor], share: float, random: torch.Generator) -> dict[str, Tensor]:
    """Mask streams at random, but never the last one that a record has."""
    if len(masks) < 2 or share <= 0:
        return masks
    before = torch.stack(list(masks.values()))  # (streams, batch)
    after = before & (torch.rand(before.shape, generator=random) >= share)
    after = torch.where(after.any(dim=0), after, before)
    return dict(zip(masks, after, strict=True))


def logits(model: Any, data: Data) -> Tensor:
    """Return the model's logits (records, classes), without gradients or dropout."""
    model.eval()
    with torch.inference_mode():
        return model(data.streams, data.masks)


def temperature(values: Floats, targets: NDArray[np.int64]) -> float:
    """Return the temperature T that minimises the log loss of softmax(values / T).

    The loss is convex in 1/T; golden-section search over T from 1/16 to 16.

    Guo, C. et al. (2017). On calibration of modern neural networks.
    https://arxiv.org/abs/1706.04599
    """

    def loss(log_temperature: float) -> float:
        scaled = values / np.exp(log_temperature)
        top = scaled.max(axis=1, keepdims=True)
        norm = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        return float((norm - scaled[np.arange(len(targets)), targets]).mean())

    ratio = (np.sqrt(5) - 1) / 2
    low, high = -np.log(16), np.log(16)
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))
