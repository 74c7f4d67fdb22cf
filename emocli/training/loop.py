"""The training loop for small models."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emocli.bundles import heads
from emocli.bundles.scaling import temperature as temperature
from emocli.errors import UsageError
from emocli.models._sequences import AllGather, identity
from emocli.records import Record
from emocli.training import distributed, losses
from emocli.training.averages import averaged
from emocli.training.data import Data as Data
from emocli.training.data import Source, ahead, has_time, padded, some
from emocli.training.losses import Loss
from emocli.training.losses import class_weights as class_weights
from emocli.training.moments import moments
from emocli.training.state import Place as Place
from emocli.training.state import Run
from emocli.training.state import Settings as Settings

Floats = NDArray[np.float64]
READ = 128  # batch size of inference
CONSTANT = 1e-6  # standard deviation up to which a number says nothing of the training records
SILENCED = 1e6  # its scale: what it is elsewhere must not weigh either
AFTER_EPOCH = 512  # most dev records that a model's `after_epoch` gets


def standardise(model: Any, data: Source) -> None:
    """Set the model's `mean` and `scale` from the records, or frames, that have each stream."""
    by_stream = moments(data, model.config.dims)
    for name, stream in by_stream.items():
        if stream.count < 2:
            raise UsageError(
                f"stream {name}: {stream.count} training records have it, 2 are needed"
            )
        if not stream.mean.isfinite().all():
            raise UsageError(f"stream {name}: its features contain NaN or infinity")
    inputs = getattr(model, "inputs", model)
    inputs.mean.copy_(torch.cat([stream.mean for stream in by_stream.values()]))
    scales = torch.cat([stream.deviation() for stream in by_stream.values()])
    inputs.scale.copy_(torch.where(scales > CONSTANT, scales, SILENCED))


def task_loss(model: Any, train: Source, settings: Settings) -> Loss:
    """Return the loss of (logits, targets) for a model without a list of heads.

    Cross-entropy, or the absolute error for regression, by `task` in the model's config.
    """
    if getattr(model.config, "task", "classification") == "regression":
        return losses.of([heads.Head("number", heads.NUMBER)], train.targets, settings)
    labels = tuple(map(str, range(model.config.classes)))
    kind = heads.CLASSES if train.targets.ndim == 1 else heads.SHARES
    chosen = replace(settings, loss=settings.loss or "cross-entropy")
    return losses.of([heads.Head("emotion", kind, labels)], train.targets, chosen)


def fit(
    model: Any,
    train: Source,
    dev: Source,
    settings: Settings,
    report: Callable[[Record], None],
    *,
    loss: Loss | None = None,
    measure: Callable[[Tensor, Tensor], dict[str, float]] | None = None,
    place: Place | None = None,
) -> Record:
    """Train with AdamW until the dev loss no longer falls; leave the best weights in the model.

    Returns {epoch, dev_loss} of the best epoch; `report` gets one dict per epoch: the losses, the
    terms of a model with its own objective, the values of its `after_epoch`, and the metrics that
    `measure` computes from the dev records' logits and targets.
    """
    place = place or Place()
    torch.manual_seed(settings.seed)
    standardise(model, train)
    model.to(place.device)
    loss = loss or task_loss(model, train, settings)
    run = Run(model, settings, place)
    run.resume()
    for line in run.lines:
        report(line)
    with _read(model, train, dev) as (train, dev):
        _epochs(run, train, dev, report, loss, measure=measure)
    if not run.best["epoch"]:
        hint = "a smaller --learning-rate"
        raise UsageError(f"no dev loss of {run.epoch} epochs is finite", hint=hint)
    model.load_state_dict(run.state)
    model.eval()
    return run.best


@contextlib.contextmanager
def _read(model: Any, train: Source, dev: Source) -> Iterator[tuple[Source, Source]]:
    """Give the data of every epoch: for a model that averages frames, their means, made once."""
    names = list(model.config.dims)
    if not getattr(model, "averages", False) or not has_time(train, names):
        yield train, dev
        return
    with averaged(model.config.dims, train, dev) as (fitting, held):
        yield fitting, held


def _epochs(
    run: Run,
    train: Source,
    dev: Source,
    report: Callable[[Record], None],
    loss: Loss,
    *,
    measure: Callable[[Tensor, Tensor], dict[str, float]] | None,
) -> None:
    """Train epoch by epoch until the run is over."""
    model, settings = run.model, run.settings
    while not run.over():
        model.progress = run.epoch / settings.epochs
        run.epoch += 1
        terms = _epoch(run, train, loss)
        answers = logits(model, dev)
        dev_loss = distributed.broadcast(float(loss(answers, dev.targets)))
        line = {"epoch": run.epoch, **terms, "dev_loss": dev_loss}
        line |= measure(answers, dev.targets) if measure else {}
        line |= _after_epoch(model, dev)
        run.note(line)
        run.save()
        report(line)


def _batches(run: Run, data: Source) -> Iterator[Data]:
    """Yield batches of all records in random order, with modality dropout.

    Of several processes each gets its shard of the streams, and the targets of the whole batch.
    """
    settings, model = run.settings, run.model
    chance = 0.0 if getattr(model, "masks_itself", False) else settings.modality_dropout
    for index in torch.split(_order(data, settings, run.random), settings.batch_size):
        kept = torch.rand(len(model.config.dims), len(index), generator=run.random) >= chance
        shard = distributed.shard(torch.arange(len(index)))
        batch = data.rows(index[shard])
        masks = dropped(batch.masks, kept[:, shard]) if chance > 0 else batch.masks
        whole = data.targets[index], some(data.speakers, index)
        yield Data(batch.streams, masks, *whole).to(run.place.device)


def _order(data: Source, settings: Settings, random: torch.Generator) -> Tensor:
    """Return an index of len(data) records: shuffled, or drawn by class-balanced sampling."""
    if not settings.even:
        return torch.randperm(len(data), generator=random)
    targets = data.targets if data.targets.ndim == 1 else data.targets.argmax(dim=1)
    chances = 1.0 / torch.bincount(targets)[targets]
    return torch.multinomial(chances, len(data), replacement=True, generator=random)


def objective(
    model: Any, batch: Data, loss: Loss, all_gather: AllGather = identity
) -> dict[str, Tensor]:
    """Return the weighted terms of a model's loss on a batch; their sum is minimised.

    `all_gather` collects the rows of all processes if the batch's streams are a shard.
    """
    if hasattr(model, "objective"):
        more = {"speakers": batch.speakers} if getattr(model, "knows_speakers", False) else {}
        return model.objective(batch.streams, batch.masks, batch.targets, loss, all_gather, **more)
    return {"task": loss(all_gather(model(batch.streams, batch.masks)), batch.targets)}


def _epoch(run: Run, train: Source, loss: Loss) -> dict[str, float]:
    """Train for one epoch; return the mean loss per record, and its terms if there are several."""
    run.model.train()
    totals: defaultdict[str, Tensor] = defaultdict(lambda: torch.zeros((), dtype=torch.float64))
    for batch in ahead(_batches(run, train)):
        for name, value in _step(run, batch, loss).items():
            totals[name] = totals[name] + value.detach().double().cpu() * len(batch)
    return {name: float(totals[name]) / len(train) for name in sorted(totals)}


def _step(run: Run, batch: Data, loss: Loss) -> dict[str, Tensor]:
    """Take an optimiser step; return the loss and its terms."""
    kind = torch.device(run.place.device).type
    with torch.autocast(kind, torch.bfloat16, enabled=run.place.dtype == "bfloat16"):
        terms = _terms(run.model, batch, loss)
    run.optimiser.zero_grad()
    total = torch.stack(list(terms.values())).sum()
    torch.autograd.backward(total / distributed.world()[1])
    distributed.add_gradients(run.model.parameters())
    if run.settings.clip_norm > 0:
        nn.utils.clip_grad_norm_(run.model.parameters(), run.settings.clip_norm)
    run.optimiser.step()
    parts = {f"train_{name}": value for name, value in terms.items()} if len(terms) > 1 else {}
    return {"train_loss": total, **parts}


def _terms(model: Any, batch: Data, loss: Loss) -> dict[str, Tensor]:
    """Return the terms of the loss of a whole batch, which may be sharded over processes."""
    if distributed.world()[1] == 1:
        return objective(model, batch, loss)
    lengths = distributed.all_reduce_max([values.shape[1] for values in batch.streams.values()])
    batch, size = padded(batch, lengths), len(batch)
    with distributed.Dropout(size):
        return objective(model, batch, loss, partial(distributed.all_gather, size=size))


def _after_epoch(model: Any, dev: Source) -> dict[str, float]:
    """Return the values of a model's `after_epoch`, if it has one."""
    if not hasattr(model, "after_epoch"):
        return {}
    model.eval()
    device = next(model.parameters()).device
    data = dev.rows(torch.arange(min(len(dev), AFTER_EPOCH))).to(device)
    return model.after_epoch(data.streams, data.masks, data.targets)


def dropped(masks: dict[str, Tensor], kept: Tensor) -> dict[str, Tensor]:
    """Mask the streams that are not kept (streams, batch), but never all streams of a record."""
    if len(masks) < 2:
        return masks
    present = [mask if mask.ndim == 1 else mask.any(dim=1) for mask in masks.values()]
    before = torch.stack(present)  # (streams, batch)
    after = before & kept
    after = torch.where(after.any(dim=0), after, before)
    return {
        name: mask & (row if mask.ndim == 1 else row[:, None])
        for (name, mask), row in zip(masks.items(), after, strict=True)
    }


def logits(model: Any, data: Source, size: int = READ) -> Tensor:
    """Return the model's logits (records, columns) on the CPU, without gradients or dropout."""
    model.eval()
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device
    parts = []
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(data)), size):
            batch = data.rows(rows).to(device)
            parts.append(model(batch.streams, batch.masks).float().cpu())
    return torch.cat(parts)
