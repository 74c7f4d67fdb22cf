"""Fit late fusion in two steps: a head per stream, then the rule that combines them.

`fit` does both. Each head is trained on the records that have its stream, and its temperature is
fitted on the held-out ones; the rule is fitted on the held-out records only. Our choices, where the
source of the system leaves them open:

- Weights are searched on a grid by weighted F1; of ties the one that gives earlier streams more
  weight. Two streams: w = 1, 0.95, ..., 0 for the first, 1 - w for the second. More: all weights
  that add to one in steps of 1/20, or as fine as 2000 combinations allow. `evidence`: weight 1 for
  the first, the same w = 0, 0.05, ..., 1 for all others.
- The regression is regularised as in scikit-learn: sum of cross-entropies + |W|^2 / 2, offsets not
  penalised; where it falls back to the sum, that has the weights of the rule `sum`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from emocli import models
from emocli.errors import ConfigError, UsageError
from emocli.metrics import classification
from emocli.models import _settings
from emocli.models._late_rules import REGRESSION, RULES, SUM, grid, regression
from emocli.models.late_fusion import LateFusion
from emocli.records import Record
from emocli.training import loop
from emocli.training.averages import averaged
from emocli.training.data import Filed, Source, chunks
from emocli.training.loop import Place, Settings

Report = Callable[[Record], None]

HIDDEN = 128  # units of a head


def fit(
    config: Record,
    train: Source,
    dev: Source,
    settings: Settings,
    report: Report,
    **more: Any,
) -> tuple[LateFusion, Record]:
    """Return late fusion with its heads, temperatures and rule, and {epoch, epochs, dev_loss, ...}.

    `config`: `dims` and `classes`; `rule` (sum); `head`, mlp or linear (mlp); `hidden`, a number or
    one per stream (128); further fields of the config of a head. `weights` per stream, if given,
    are kept. Targets are classes or shares of classes. `report` gets a line per head and epoch,
    with its `stream`; then one per stream and rule with its `dev_weighted_f1`, which is optimistic:
    the rules were fitted on the same records. These are also `compared`. `more` goes to loop.fit.
    """
    require_valid(config)
    rule = config.get("rule", SUM)
    with averaged(config["dims"], train, dev) as parts:
        heads, best = _calibrated(config, parts, settings, report, more)
        dev = parts[1]
        model = ruled(heads, rule, dev, config.get("weights"))
        has_complete = bool(answers(heads, dev)[1].all(dim=1).any())
        others = [name for name in RULES if name != rule and (has_complete or name != REGRESSION)]
        rows = compared([model, *(ruled(heads, name, dev) for name in others)], dev)
        loss = torch.nn.functional.cross_entropy(loop.logits(model, dev), dev.targets)
    for row in rows:
        row["dev_weighted_f1"] = row.pop("weighted_f1")
        report({"epoch": best["epoch"], **row})
    return model, {**best, "dev_loss": float(loss), "compared": rows}


def calibrated(
    config: Record, train: Source, dev: Source, settings: Settings, report: Report, **more: Any
) -> tuple[LateFusion, Record]:
    """Return late fusion by evidence with weights of one and calibrated heads, and the epochs."""
    with averaged(config["dims"], train, dev) as parts:
        return _calibrated(config, parts, settings, report, more)


def _calibrated(
    config: Record, parts: list[Filed], settings: Settings, report: Report, more: Record
) -> tuple[LateFusion, Record]:
    dims, classes = config["dims"], config["classes"]
    kind, hidden, extra = _head(config)
    fused: LateFusion = models.build(
        "late-fusion",
        {"dims": dims, "classes": classes, "hidden": hidden, "weights": dict.fromkeys(dims, 1.0)},
    )
    separate = {}  # all are built before training, so that all processes build the same
    for name, dim in dims.items():
        width = {"hidden": hidden[name]} if hidden[name] else {}
        head_config = {"dims": {name: dim}, "classes": classes, **width, **extra}
        separate[name] = models.build(kind, head_config)
    epochs = {}
    for place, (name, head) in enumerate(separate.items()):
        fitting, held = (_stream_data(part, name) for part in parts)
        stream_report = _with_stream(name, report)
        options = _with_checkpoint(more, place)
        best = loop.fit(head, fitting, held, settings, stream_report, **options)
        logits = loop.logits(head.cpu(), held).double().numpy()
        temperature = torch.tensor(loop.temperature(logits, held.targets.numpy()))
        prior = _prior(fitting.targets, classes, settings).clamp_min(1e-6).log()
        tensors = {**head.state_dict(), "temperature": temperature, "log_prior": prior}
        fused.heads[name].load_state_dict(tensors)
        epochs[name] = best["epoch"]
    return fused.eval(), {"epoch": max(epochs.values()), "epochs": epochs}


def require_valid(config: Record) -> None:
    """Raise ConfigError for a wrong setting of the fusion or of its heads."""
    rule = config.get("rule", SUM)
    if rule not in RULES:
        hint = f"one of {', '.join(RULES)}"
        raise ConfigError(f"unknown rule {rule!r:.60} of late-fusion", hint=hint)
    if "weights" in config:
        models.check("late-fusion", {"weights": config["weights"]}, "[model] ")
    size = int | dict[str, int]
    if found := _settings.fault("hidden", config.get("hidden", HIDDEN), size, _settings.SIZE):
        raise ConfigError(f"[model] {found}")
    kind, _, extra = _head({"dims": {}, **config})
    models.check(kind, extra, "[model] ")


def _head(config: Record) -> tuple[str, dict[str, int], Record]:
    """Return the model of the heads, hidden units per stream, and the rest of their config."""
    kind = config.get("head", "mlp")
    if kind not in ("mlp", "linear"):
        raise ConfigError(f"unknown head {kind!r:.60} of late-fusion", hint="one of mlp, linear")
    hidden = 0 if kind == "linear" else config.get("hidden", HIDDEN)
    if not isinstance(hidden, dict):
        hidden = dict.fromkeys(config["dims"], hidden)
    used = ("dims", "classes", "rule", "head", "hidden", "weights")
    return kind, hidden, {key: value for key, value in config.items() if key not in used}


def _with_checkpoint(more: Record, number: int) -> Record:
    """Return the further options of loop.fit, with a checkpoint for this head."""
    place: Place | None = more.get("place")
    if place is None or place.checkpoint is None:
        return more
    file = place.checkpoint
    file = file.with_name(f"{file.stem}-head-{number}{file.suffix}")
    return {**more, "place": replace(place, checkpoint=file, run=f"{place.run}-{number}")}


def _with_stream(name: str, report: Report) -> Report:
    return lambda line: report({"stream": name, **line})


def _stream_data(data: Filed, name: str) -> Filed:
    """Return the records that have a stream, with only this stream."""
    single = Filed({name: data.streams[name]}, data.targets, data.index)
    mask = torch.cat([part.masks[name] for part in chunks(single)])
    if not mask.any():
        raise UsageError(f"stream {name}: no record has it")
    return single.part(mask.nonzero()[:, 0])


def _prior(targets: Tensor, classes: int, settings: Settings) -> Tensor:
    """Return the prior of each class (classes,), as sampling and class weights shape it."""
    if targets.ndim == 2:
        return targets.mean(dim=0)
    counts = torch.bincount(targets, minlength=classes).float()
    if settings.even:
        counts = counts.clamp_max(1)
    elif settings.balanced:
        counts = counts * loop.class_weights(targets, classes)
    return counts / counts.sum()


def answers(model: LateFusion, data: Source) -> tuple[Tensor, Tensor]:
    """Return log-probabilities (records, streams, classes) and the mask (records, streams)."""
    with torch.no_grad():
        parts = [model.answers(part.streams, part.masks) for part in chunks(data)]
    logs, masks = zip(*parts, strict=True)
    return torch.cat(logs), torch.cat(masks)


def ruled(
    heads: LateFusion, rule: str, dev: Source, weights: dict[str, float] | None = None
) -> LateFusion:
    """Return late fusion with the same heads and a rule fitted on held-out records."""
    config = replace(heads.config, rule=rule)
    logs, mask = answers(heads, dev)
    truth = _classes(dev.targets)
    if weights is None:
        search = replace(config, rule=SUM if rule == REGRESSION else rule)
        weights = _best_weights(_with(heads, search), logs, mask, truth)
    model = _with(heads, replace(config, weights=weights))
    if model.regression is not None:
        complete = mask.all(dim=1)
        if not complete.any():
            hint = "the rule sum does not need them"
            raise UsageError("rule regression: no held-out record has all streams", hint=hint)
        fitted = regression(logs[complete].flatten(1), dev.targets[complete], config.classes)
        model.regression.load_state_dict(dict(zip(("weight", "bias"), fitted, strict=True)))
    return model


def _with(heads: LateFusion, config: Any) -> LateFusion:
    model = LateFusion(config)
    for name, head in heads.heads.items():
        model.heads[name].load_state_dict(head.state_dict())
    return model.eval()


def _best_weights(model: LateFusion, logs: Tensor, mask: Tensor, truth: Tensor) -> dict[str, float]:
    """Return the weights with the best weighted F1, the first of ties."""
    candidates = list(grid(model.config.rule, len(model.config.dims)))
    with torch.no_grad():
        fused = (model.combine(logs, mask, torch.tensor(weights)) for weights in candidates)
        scores = [weighted_f1(answer, truth) for answer in fused]
    return dict(zip(model.config.dims, candidates[scores.index(max(scores))], strict=True))


def weighted_f1(log_probabilities: Tensor, truth: Tensor) -> float:
    """Return the weighted F1 of the likeliest classes."""
    predicted, size = log_probabilities.argmax(dim=1), log_probabilities.shape[1]
    table = classification.confusion_matrix(truth.numpy(), predicted.numpy(), size)
    return float(classification.weighted_f1(table))


def compared(fitted: list[LateFusion], data: Source) -> list[Record]:
    """Return a row per single stream, then per model, with its weighted F1.

    A stream is scored on the records that have it, a model on those that have any. The models share
    their heads.
    """
    truth = _classes(data.targets)
    logs, mask = answers(fitted[0], data)
    rows: list[Record] = [
        {"stream": name, "records": int(t.sum()), "weighted_f1": weighted_f1(a[t], truth[t])}
        for name, a, t in zip(fitted[0].config.dims, logs.unbind(1), mask.T, strict=True)
    ]
    scored = mask.any(dim=1)
    for model in fitted:
        logits = loop.logits(model, data)[scored]
        score = {"records": int(scored.sum()), "weighted_f1": weighted_f1(logits, truth[scored])}
        rows.append({"rule": model.config.rule, **score, "weights": dict(model.config.weights)})
    return rows


def _classes(targets: Tensor) -> Tensor:
    return targets if targets.ndim == 1 else targets.argmax(dim=1)
