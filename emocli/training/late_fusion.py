"""Late fusion is fitted in two steps: a head per stream, and then the rule that combines them.

`fit` does both. Each head is trained on the records that have its stream, and gets a temperature
on the held-out ones; the rule is fitted on the held-out records alone. What the source of the
system does not say is our choice:

- Weights are tried on a grid and chosen by weighted F1; of equals the one that trusts earlier
  streams more. Two streams: w = 1, 0.95, ..., 0 of the first, 1 - w of the second. More: all that
  add to one in steps of 1/20, or as fine as 2000 combinations allow. `evidence`: the first counts
  whole, all others the same w = 0, 0.05, ..., 1.
- The regression is penalised as scikit-learn does it: sum of cross-entropies + |W|^2 / 2, offsets
  free; where it falls back to the sum, that has the weights of the rule `sum`.
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
from emocli.models._late_rules import REGRESSION, RULES, SUM, grid, regression
from emocli.models.late_fusion import LateFusion
from emocli.records import Record
from emocli.training import loop
from emocli.training.data import Filed, Source, averaged, chunks
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
    one per stream (128); what else the config of a head has. `weights` per stream, if given, are
    kept. Targets are classes or shares of them. `report` gets a line per head and epoch, with its
    `stream`; then one per stream and rule with its `dev_weighted_f1`, which flatters: the rules
    have been fitted on the same records. These are also `compared`. `more` goes to loop.fit.
    """
    rule = config.get("rule", SUM)
    if rule not in RULES:
        raise ConfigError(f"late-fusion has no rule {rule!r}", hint=f"there are {', '.join(RULES)}")
    with averaged(config["dims"], train, dev) as parts:
        heads, best = _calibrated(config, parts, settings, report, more)
        dev = parts[1]
        model = ruled(heads, rule, dev, config.get("weights"))
        whole = bool(answers(heads, dev)[1].all(dim=1).any())
        others = [name for name in RULES if name != rule and (whole or name != REGRESSION)]
        rows = compared([model, *(ruled(heads, name, dev) for name in others)], dev)
        loss = torch.nn.functional.cross_entropy(loop.logits(model, dev), dev.targets)
    for row in rows:
        row["dev_weighted_f1"] = row.pop("weighted_f1")
        report({"epoch": best["epoch"], **row})
    return model, {**best, "dev_loss": float(loss), "compared": rows}


def calibrated(
    config: Record, train: Source, dev: Source, settings: Settings, report: Report, **more: Any
) -> tuple[LateFusion, Record]:
    """Return late fusion by evidence, weights of one, with fitted and calibrated heads; epochs."""
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
    apart = {}  # all are made before one is trained: of several processes all make the same
    for name, dim in dims.items():
        width = {"hidden": hidden[name]} if hidden[name] else {}
        head_config = {"dims": {name: dim}, "classes": classes, **width, **extra}
        apart[name] = models.build(kind, head_config)
    epochs = {}
    for place, (name, head) in enumerate(apart.items()):
        fitting, held = (_of(part, name) for part in parts)
        named = _naming(name, report)
        best = loop.fit(head, fitting, held, settings, named, **_own_checkpoint(more, place))
        logits = loop.logits(head.cpu(), held).double().numpy()
        temperature = torch.tensor(loop.temperature(logits, held.targets.numpy()))
        prior = _prior(fitting.targets, classes, settings).clamp_min(1e-6).log()
        tensors = {**head.state_dict(), "temperature": temperature, "log_prior": prior}
        fused.heads[name].load_state_dict(tensors)
        epochs[name] = best["epoch"]
    return fused.eval(), {"epoch": max(epochs.values()), "epochs": epochs}


def _head(config: Record) -> tuple[str, dict[str, int], Record]:
    """Return which model a head is, hidden units per stream, what else its config says."""
    kind = config.get("head", "mlp")
    if kind not in ("mlp", "linear"):
        raise ConfigError(f"late-fusion has no head {kind!r}", hint="there are mlp, linear")
    hidden = 0 if kind == "linear" else config.get("hidden", HIDDEN)
    if not isinstance(hidden, dict):
        hidden = dict.fromkeys(config["dims"], hidden)
    ours = ("dims", "classes", "rule", "head", "hidden", "weights")
    return kind, hidden, {key: value for key, value in config.items() if key not in ours}


def _own_checkpoint(more: Record, number: int) -> Record:
    """Return what loop.fit gets besides, each head with a checkpoint of its own."""
    place: Place | None = more.get("place")
    if place is None or place.checkpoint is None:
        return more
    file = place.checkpoint
    file = file.with_name(f"{file.stem}-head-{number}{file.suffix}")
    return {**more, "place": replace(place, checkpoint=file, run=f"{place.run}-{number}")}


def _naming(name: str, report: Report) -> Report:
    return lambda line: report({"stream": name, **line})


def _of(data: Filed, name: str) -> Filed:
    """Return the records that have a stream, with that stream alone."""
    single = Filed({name: data.streams[name]}, data.targets, data.index)
    mask = torch.cat([part.masks[name] for part in chunks(single)])
    if not mask.any():
        raise UsageError(f"stream {name}: no record has it")
    return single.part(mask.nonzero()[:, 0])


def _prior(targets: Tensor, classes: int, settings: Settings) -> Tensor:
    """Return the share of each class (classes,), as the loss of training weighs them."""
    if targets.ndim == 2:
        return targets.mean(dim=0)
    counts = torch.bincount(targets, minlength=classes).float()
    if settings.even:
        counts = counts.clamp_max(1)
    elif settings.balanced:
        counts = counts * loop.class_weights(targets, classes)
    return counts / counts.sum()


def answers(model: LateFusion, data: Source) -> tuple[Tensor, Tensor]:
    """Return log-probabilities (records, streams, classes) and what is there (records, streams)."""
    with torch.no_grad():
        parts = [model.answers(part.streams, part.masks) for part in chunks(data)]
    logs, there = zip(*parts, strict=True)
    return torch.cat(logs), torch.cat(there)


def ruled(
    heads: LateFusion, rule: str, dev: Source, weights: dict[str, float] | None = None
) -> LateFusion:
    """Return late fusion with the heads of another and a rule fitted on held-out records."""
    config = replace(heads.config, rule=rule)
    logs, there = answers(heads, dev)
    truth = _classes(dev.targets)
    if weights is None:
        search = replace(config, rule=SUM if rule == REGRESSION else rule)
        weights = _chosen(_with(heads, search), logs, there, truth)
    model = _with(heads, replace(config, weights=weights))
    if model.regression is not None:
        whole = there.all(dim=1)
        if not whole.any():
            hint = "rule sum does without"
            raise UsageError("rule regression: no held-out record has all streams", hint=hint)
        fitted = regression(logs[whole].flatten(1), dev.targets[whole], config.classes)
        model.regression.load_state_dict(dict(zip(("weight", "bias"), fitted, strict=True)))
    return model


def _with(heads: LateFusion, config: Any) -> LateFusion:
    model = LateFusion(config)
    for name, head in heads.heads.items():
        model.heads[name].load_state_dict(head.state_dict())
    return model.eval()


def _chosen(model: LateFusion, logs: Tensor, there: Tensor, truth: Tensor) -> dict[str, float]:
    """Return the weights whose answers have the best weighted F1, the first of equals."""
    tried = list(grid(model.config.rule, len(model.config.dims)))
    with torch.no_grad():
        fused = (model.combine(logs, there, torch.tensor(weights)) for weights in tried)
        scores = [weighted_f1(answer, truth) for answer in fused]
    return dict(zip(model.config.dims, tried[scores.index(max(scores))], strict=True))


def weighted_f1(log_probabilities: Tensor, truth: Tensor) -> float:
    """Return the weighted F1 of the likeliest classes."""
    predicted, size = log_probabilities.argmax(dim=1), log_probabilities.shape[1]
    table = classification.confusion_matrix(truth.numpy(), predicted.numpy(), size)
    return float(classification.weighted_f1(table))


def compared(fitted: list[LateFusion], data: Source) -> list[Record]:
    """Return a row for each stream alone, then for each model: its weighted F1 on some records.

    A stream is judged on the records that have it, a model on those that have any. The models share
    their heads.
    """
    truth = _classes(data.targets)
    logs, there = answers(fitted[0], data)
    rows: list[Record] = [
        {"stream": name, "records": int(t.sum()), "weighted_f1": weighted_f1(a[t], truth[t])}
        for name, a, t in zip(fitted[0].config.dims, logs.unbind(1), there.T, strict=True)
    ]
    some = there.any(dim=1)
    for model in fitted:
        logits = loop.logits(model, data)[some]
        score = {"records": int(some.sum()), "weighted_f1": weighted_f1(logits, truth[some])}
        rows.append({"rule": model.config.rule, **score, "weights": dict(model.config.weights)})
    return rows


def _classes(targets: Tensor) -> Tensor:
    return targets if targets.ndim == 1 else targets.argmax(dim=1)
