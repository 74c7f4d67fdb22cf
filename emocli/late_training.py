"""Late fusion is fitted in two steps: a head per stream, and then the rule that combines them.

`fit` does both. Each head is trained on the records that have its stream, and gets a temperature
on the held-out ones; the rule is fitted on the held-out records alone. What the source of the
system does not say is our choice:

- Weights are tried on a grid and chosen by weighted F1; of equals the one that trusts earlier
  streams more. Two streams: w = 1, 0.95, ..., 0 of the first, 1 - w of the second. More: all that
  add to one in steps of 1/20, or as fine as 2000 combinations allow. `evidence`: the first counts
  whole, all others the same w = 0, 0.05, ..., 1.
- The regression is penalised as scikit-learn does it: sum of cross-entropies + |W|^2 / 2, offsets
  free; its step back to the sum has the weights of the sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from emocli import models, training
from emocli.errors import ConfigError, UsageError
from emocli.metrics import classification
from emocli.models._late_rules import REGRESSION, RULES, SUM, grid, regression
from emocli.models.late_fusion import LateFusion, pooled
from emocli.training import Data, Settings

Record = dict[str, Any]
Report = Callable[[Record], None]

HIDDEN = 128  # units of a head
READ = 512  # records that are averaged over time at once


def fit(
    config: Record, train: Data, dev: Data, settings: Settings, report: Report
) -> tuple[Any, Record]:
    """Return late fusion with its heads, temperatures and rule, and {epoch, epochs, dev_loss}.

    `config`: `dims` and `classes`; `rule` (sum); `head`, mlp or linear (mlp); `hidden`, a number or
    one per stream (128); what else the config of a head has. `weights` per stream, if given, are
    kept. Targets are classes or shares of them. `report` gets a line per head and epoch (`stream`,
    `epoch`, ...), then a line per stream and rule, {stream | rule, dev_weighted_f1, weights}. These
    flatter: the rules have been fitted on the same records.
    """
    rule = config.get("rule", SUM)
    if rule not in RULES:
        raise ConfigError(f"late-fusion has no rule {rule!r}", hint=f"there are {', '.join(RULES)}")
    train, dev = (averaged(part, list(config["dims"])) for part in (train, dev))
    heads, best = calibrated(config, train, dev, settings, report)
    model = ruled(heads, rule, dev, config.get("weights"))
    others = [name for name in RULES if name != rule and _possible(name, dev)]
    fitted = {rule: model} | {name: ruled(heads, name, dev) for name in others}
    for line in compared(fitted, dev):
        report({f"dev_{k}" if k == "weighted_f1" else k: value for k, value in line.items()})
    return model, {**best, "dev_loss": _loss(training.logits(model, dev), dev.targets)}


def calibrated(
    config: Record, train: Data, dev: Data, settings: Settings, report: Report
) -> tuple[Any, Record]:
    """Return late fusion by evidence with weights of one: heads with temperatures; and epochs."""
    dims, classes = config["dims"], config["classes"]
    kind, hidden, more = _head(config)
    fused = models.build(
        "late-fusion",
        {"dims": dims, "classes": classes, "hidden": hidden, "weights": dict.fromkeys(dims, 1.0)},
    )
    train, dev = averaged(train, list(dims)), averaged(dev, list(dims))
    epochs = {}
    for name, head in fused.heads.items():
        fitting, held = (_of(part, name) for part in (train, dev))
        width = {"hidden": hidden[name]} if hidden[name] else {}
        one = models.build(kind, {"dims": {name: dims[name]}, "classes": classes, **width, **more})
        said = training.fit(one, fitting, held, settings, _naming(name, report))
        values = training.logits(one, held).double().numpy()
        found = training.temperature(values, _classes(held.targets).numpy())
        prior = _prior(fitting.targets, classes, settings).clamp_min(1e-6).log()
        extra = {"temperature": torch.tensor(found), "log_prior": prior}
        head.load_state_dict({**one.state_dict(), **extra})
        epochs[name] = said["epoch"]
    return fused.eval(), {"epoch": max(epochs.values()), "epochs": epochs}


def _head(config: Record) -> tuple[str, dict[str, int], Record]:
    """Return which model a head is, hidden units per stream, what else its config says."""
    kind = config.get("head", "mlp")
    if kind not in ("mlp", "linear"):
        raise ConfigError(f"late-fusion has no head {kind!r}", hint="there are mlp, linear")
    hidden = 0 if kind == "linear" else config.get("hidden", HIDDEN)
    if not isinstance(hidden, dict):
        hidden = dict.fromkeys(config["dims"], hidden)
    own = ("dims", "classes", "rule", "head", "hidden", "weights")
    return kind, hidden, {key: value for key, value in config.items() if key not in own}


def averaged(data: Data, names: list[str]) -> Data:
    """Return one vector per record and stream, the mean of its frames, and masks (records,)."""
    vectors: dict[str, list[Tensor]] = {name: [] for name in names}
    masks: dict[str, list[Tensor]] = {name: [] for name in names}
    for rows in torch.split(torch.arange(len(data)), READ):
        part = data.rows(rows)
        for name in names:
            mask = part.masks[name]
            vectors[name].append(pooled(part.streams[name], mask))
            masks[name].append(mask if mask.ndim == 1 else mask.any(dim=1))
    return Data(
        {name: torch.cat(found) for name, found in vectors.items()},
        {name: torch.cat(found) for name, found in masks.items()},
        data.targets,
    )


def _of(data: Data, name: str) -> Data:
    """Return the records that have a stream, with that stream alone."""
    one = Data({name: data.streams[name]}, {name: data.masks[name]}, data.targets)
    found = one.rows(one.masks[name].nonzero()[:, 0])
    if len(found) == 0:
        raise UsageError(f"stream {name}: no record has it")
    return found


def _naming(name: str, report: Report) -> Report:
    return lambda line: report({"stream": name, **line})


def _classes(targets: Tensor) -> Tensor:
    return targets if targets.ndim == 1 else targets.argmax(dim=1)


def _prior(targets: Tensor, classes: int, settings: Settings) -> Tensor:
    """Return the share of each class (classes,), as the loss of training weighs them."""
    counts = torch.bincount(targets, minlength=classes) if targets.ndim == 1 else targets.sum(dim=0)
    if settings.balanced:
        counts = counts * training.class_weights(targets, classes)
    return counts / counts.sum()


def _possible(rule: str, dev: Data) -> bool:
    return rule != REGRESSION or bool(torch.stack(list(dev.masks.values())).all(dim=0).any())


def ruled(
    heads: LateFusion, rule: str, dev: Data, weights: dict[str, float] | None = None
) -> LateFusion:
    """Return late fusion with the heads of another and a rule fitted on held-out records."""
    model = LateFusion(replace(heads.config, rule=rule))
    for name, head in heads.heads.items():
        model.heads[name].load_state_dict(head.state_dict())
    with torch.no_grad():
        answers, there = model.eval().answers(dev.streams, dev.masks)
    if weights is None:
        plain = ruled(heads, SUM, dev, heads.config.weights) if rule == REGRESSION else model
        weights = _chosen(plain, answers, there, _classes(dev.targets))
    model.config = replace(model.config, weights=weights)
    if model.regression is not None:
        whole = there.all(dim=1)
        if not whole.any():
            hint = "rule sum does without"
            raise UsageError("rule regression: no held-out record has all streams", hint=hint)
        found = regression(answers[whole].flatten(1), dev.targets[whole], model.config.classes)
        model.regression.load_state_dict(dict(zip(("weight", "bias"), found, strict=True)))
    return model


def _chosen(model: LateFusion, answers: Tensor, there: Tensor, truth: Tensor) -> dict[str, float]:
    """Return the weights whose answers have the best weighted F1, the first of equals."""
    names = list(model.config.dims)
    tried = list(grid(model.config.rule, len(names)))
    with torch.no_grad():
        scores = [
            weighted_f1(model.combine(answers, there, torch.tensor(weights)), truth)
            for weights in tried
        ]
    return dict(zip(names, tried[scores.index(max(scores))], strict=True))


def weighted_f1(log_probabilities: Tensor, truth: Tensor) -> float:
    """Return the weighted F1 of the likeliest classes."""
    found = log_probabilities.argmax(dim=1).numpy()
    classes = log_probabilities.shape[1]
    table = classification.confusion_matrix(truth.numpy(), found, classes)
    return float(classification.weighted_f1(table))


def compared(rules: dict[str, LateFusion], data: Data) -> list[Record]:
    """Return a row for each stream alone and for each rule: its weighted F1 on some records.

    A stream alone is judged on the records that have it; so are the rules where any is there.
    """
    any_model = next(iter(rules.values()))
    truth = _classes(data.targets)
    with torch.no_grad():
        answers, there = any_model.answers(data.streams, data.masks)
    rows: list[Record] = [
        {"stream": name, "records": int(t.sum()), "weighted_f1": weighted_f1(a[t], truth[t])}
        for name, a, t in zip(any_model.config.dims, answers.unbind(1), there.T, strict=True)
    ]
    some = there.any(dim=1)
    for rule, model in rules.items():
        found = training.logits(model, data)[some]
        score = {"records": int(some.sum()), "weighted_f1": weighted_f1(found, truth[some])}
        rows.append({"rule": rule, **score, "weights": dict(model.config.weights)})
    return rows


def _loss(log_probabilities: Tensor, targets: Tensor) -> float:
    """Return the mean cross-entropy."""
    return float(torch.nn.functional.cross_entropy(log_probabilities, targets))
