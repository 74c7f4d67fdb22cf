"""One readable loop for small models, and the temperature that calibrates them."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emocli.errors import UsageError

Floats = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]  # of logits and targets


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
    even: bool = False  # draw records evenly from the classes, rare ones again and again
    squared: bool = False  # of regression: squared errors, not absolute ones
    clip_norm: float = 0.0  # longest gradient; 0 is any
    seed: int = 0


@dataclass
class Data:
    """Vectors (records, dim) or frames (records, time, dim) and masks by stream, and targets.

    Masks are (records,) or (records, time). Targets are classes (records,), shares of classes
    (records, classes), or the numbers of a regression (records,) or (records, numbers).
    """

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
    """Set the model's `mean` and `scale` from the records, or frames, that have each stream."""
    means, scales = [], []
    for name in model.config.dims:
        values = data.streams[name][data.masks[name]]  # (there, dim), or (there, time, dim)
        values = values.reshape(-1, values.shape[-1])
        if len(values) < 2:
            raise UsageError(f"stream {name}: {len(values)} training records have it, 2 are needed")
        means.append(values.mean(dim=0))
        scales.append(values.std(dim=0).clamp_min(1e-6))
    inputs = getattr(model, "inputs", model)
    inputs.mean.copy_(torch.cat(means))
    inputs.scale.copy_(torch.cat(scales))


def class_weights(targets: Tensor, classes: int) -> Tensor:
    """Return N / (C n_c) per class, clipped to [0.25, 4]; 0 for a class without records.

    Targets are classes (records,), or shares of classes (records, classes).
    """
    shares = targets.ndim == 2
    counts = targets.sum(dim=0) if shares else torch.bincount(targets, minlength=classes).float()
    weights = (len(targets) / (classes * counts.clamp_min(1))).clamp(0.25, 4.0)
    return torch.where(counts > 0, weights, 0.0)


def task_loss(model: Any, train: Data, settings: Settings) -> Loss:
    """Return the loss of (logits, targets): cross-entropy, or the absolute error of a regression.

    Which of them it is, the model's config says (`task`).
    """
    if getattr(model.config, "task", "classification") == "regression":
        error = nn.functional.mse_loss if settings.squared else nn.functional.l1_loss
        return lambda logits, targets: error(logits, targets.reshape(len(targets), -1))
    weights = class_weights(train.targets, model.config.classes) if settings.balanced else None
    return nn.CrossEntropyLoss(weight=weights, label_smoothing=settings.label_smoothing)


def fit(
    model: Any, train: Data, dev: Data, settings: Settings, report: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train with AdamW until the dev loss no longer falls; leave the best weights in the model.

    Returns {epoch, dev_loss} of the best epoch; `report` gets one dict per epoch: the losses, the
    terms of a model that has an objective of its own, what its `after_epoch` says.
    """
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)
    standardise(model, train)
    loss = task_loss(model, train, settings)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    best: dict[str, Any] = {"epoch": 0, "dev_loss": float("inf")}
    state = copy.deepcopy(model.state_dict())
    for epoch in range(1, settings.epochs + 1):
        model.progress = (epoch - 1) / settings.epochs
        terms = _epoch(model, _batches(model, train, settings, random), loss, optimiser, settings)
        dev_loss = float(loss(logits(model, dev), dev.targets))
        report({"epoch": epoch, **terms, "dev_loss": dev_loss, **_figures(model, dev)})
        if dev_loss < best["dev_loss"]:
            best = {"epoch": epoch, "dev_loss": dev_loss}
            state = copy.deepcopy(model.state_dict())
        elif epoch - best["epoch"] >= settings.patience:
            break
    model.load_state_dict(state)
    return best


def _batches(model: Any, data: Data, settings: Settings, random: torch.Generator) -> Iterator[Data]:
    """Yield all records in random order, some of their streams masked."""
    share = 0.0 if getattr(model, "masks_itself", False) else settings.modality_dropout
    for index in torch.split(_order(data, settings, random), settings.batch_size):
        batch = data.rows(index)
        yield Data(batch.streams, _dropped(batch.masks, share, random), batch.targets)


def _order(data: Data, settings: Settings, random: torch.Generator) -> Tensor:
    """Return as many records as there are: each once, or drawn evenly from the classes."""
    if not settings.even:
        return torch.randperm(len(data), generator=random)
    chances = 1.0 / torch.bincount(data.targets)[data.targets]
    return torch.multinomial(chances, len(data), replacement=True, generator=random)


def objective(model: Any, batch: Data, loss: Loss) -> dict[str, Tensor]:
    """Return the terms of a model's loss on a batch, weighted: their sum is what falls."""
    if hasattr(model, "objective"):
        return model.objective(batch.streams, batch.masks, batch.targets, loss)
    return {"task": loss(model(batch.streams, batch.masks), batch.targets)}


def _epoch(
    model: Any,
    batches: Iterator[Data],
    loss: Loss,
    optimiser: torch.optim.Optimizer,
    settings: Settings,
) -> dict[str, float]:
    """Go once over the batches; return the mean loss of a record, and its terms if several."""
    model.train()
    totals: defaultdict[str, float] = defaultdict(float)
    count = 0
    for batch in batches:
        terms = objective(model, batch, loss)
        total = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        torch.autograd.backward(total)
        if settings.clip_norm > 0:
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimiser.step()
        parts = {f"train_{name}": value for name, value in terms.items()} if len(terms) > 1 else {}
        for name, value in {"train_loss": total, **parts}.items():
            totals[name] += float(value.detach()) * len(batch)
        count += len(batch)
    return {name: value / count for name, value in totals.items()}


def _figures(model: Any, dev: Data) -> dict[str, float]:
    """Return what a model has to say after an epoch."""
    if not hasattr(model, "after_epoch"):
        return {}
    model.eval()
    return model.after_epoch(dev.streams, dev.masks, dev.targets)


def _dropped(masks: dict[str, Tensor], share: float, random: torch.Generator) -> dict[str, Tensor]:
    """Mask streams at random, but never the last one that a record has."""
    if len(masks) < 2 or share <= 0:
        return masks
    there = [mask if mask.ndim == 1 else mask.any(dim=1) for mask in masks.values()]
    before = torch.stack(there)  # (streams, batch)
    after = before & (torch.rand(before.shape, generator=random) >= share)
    after = torch.where(after.any(dim=0), after, before)
    return {
        name: mask & (kept if mask.ndim == 1 else kept[:, None])
        for (name, mask), kept in zip(masks.items(), after, strict=True)
    }


def logits(model: Any, data: Data, size: int = 512) -> Tensor:
    """Return the model's logits (records, classes), without gradients or dropout."""
    model.eval()
    with torch.inference_mode():
        parts = [data.rows(rows) for rows in torch.split(torch.arange(len(data)), size)]
        return torch.cat([model(part.streams, part.masks) for part in parts])


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
