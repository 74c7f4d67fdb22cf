"""Plan a fit on labelled records and run it: checks, splits, one call of the loop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
import torch

from emocli import models
from emocli.bundles.heads import Head
from emocli.errors import UsageError
from emocli.records import Record
from emocli.training import figures, late_fusion, loop, losses
from emocli.training import state as training_state
from emocli.training.data import Filed
from emocli.training.examples import Examples, require_time
from emocli.training.loop import Place, Settings
from emocli.training.request import Request

LATE = "late-fusion"  # its heads are trained one by one
# Settings of a model that training knows itself.
FILLED = ("dims", "classes", "task", "primary", "speakers")


@dataclass(frozen=True)
class Plan:
    """A model to fit: its name, config and heads, the settings and the place of training."""

    model: str
    config: Record
    heads: tuple[Head, ...]
    settings: Settings
    place: Place

    def seeded(self, seed: int) -> Plan:
        """Return the plan with another seed and its own checkpoint."""
        file = self.place.checkpoint
        place = self.place
        if file is not None:
            name = f"seed-{seed}.safetensors"
            place = replace(place, checkpoint=file / name, run=f"{place.run}-{seed}")
        return replace(self, settings=replace(self.settings, seed=seed), place=place)


def require_valid(request: Request) -> None:
    """Raise UsageError or ConfigError for a wrong setting, before any record is read."""
    training_state.settings(request.settings)
    for key in FILLED:
        if key in request.config:
            hint = "leave it out"
            raise UsageError(f"[model] {key} follows from the records and flags", hint=hint)
    if request.model == LATE:
        late_fusion.require_valid(request.config)
    else:
        models.check(request.model, request.config, "[model] ")


def plan(examples: Examples, held: Examples | None, request: Request, place: Place) -> Plan:
    """Return the plan for these records.

    The run is identified by all that decides its weights: records, held-out ones, heads, settings.
    """
    heads = examples.targets.heads()
    if len(heads[0].labels) == 1:
        raise UsageError(f"all records have one label, {heads[0].labels[0]}")
    require_time(request.model, examples)
    config = {
        "dims": {stream: spec["dim"] for stream, spec in examples.specs.items()},
        "classes": sum(head.size for head in heads),
        **_kind(request.model, heads),
        **_speakers(request.model, examples),
        **request.config,
    }
    settings = training_state.settings(request.settings)
    objective = config.get("objective", _objective(request.model))
    _check(settings, request.model, objective, heads)
    digests = [part.digest.hexdigest() for part in (examples, held) if part]
    specs = examples.specs
    identity = [digests, request.model, config, asdict(settings), specs, list(map(asdict, heads))]
    run = hashlib.blake2b(orjson.dumps(identity), digest_size=16).hexdigest()
    return Plan(request.model, config, tuple(heads), settings, replace(place, run=run))


def _check(settings: Settings, name: str, objective: str | None, heads: Sequence[Head]) -> None:
    """Raise UsageError for a loss or a sampling that does not fit the model and its heads."""
    if settings.loss and settings.loss not in losses.NAMES:
        hint = f"one of {', '.join(losses.NAMES)}"
        raise UsageError(f"--loss: unknown loss {settings.loss}", hint=hint)
    if settings.loss and objective not in (None, "task"):
        hint = '[model] objective = "task" in a --config file replaces it'
        raise UsageError(f"--loss {settings.loss}: {name} has its own loss", hint=hint)
    if settings.loss and not heads[0].labels:
        targets = ",".join(head.target for head in heads)
        raise UsageError(f"--loss {settings.loss} needs labels: --target {targets} has none")
    if settings.even and (len(heads) > 1 or not heads[0].labels):
        hint = "one of emotion, distribution, blend as the only --target"
        raise UsageError(
            "[training] even: class-balanced sampling needs a single labelled target", hint=hint
        )


def _objective(name: str) -> str | None:
    """Return the default objective in a model's config, if it has one."""
    return models.defaults(name).get("objective")


def _kind(name: str, heads: Sequence[Head]) -> Record:
    """Return the fields of a model's config that describe its outputs, if it has them."""
    fields = models.fields(name)
    first = heads[0]
    kind: Record = {}
    if "task" in fields:
        kind["task"] = "classification" if first.labels else "regression"
    elif not first.labels and name not in ("linear", "mlp"):
        raise UsageError(f"--model {name} predicts labels, not {first.target}")
    if name == LATE and len(heads) > 1:
        targets = ", ".join(head.target for head in heads)
        hint = "one of emotion, distribution, blend"
        raise UsageError(f"--model {name} predicts one --target, not {targets}", hint=hint)
    if "primary" in fields and len(heads) > 1 and first.labels:
        kind["primary"] = first.size
    return kind


def _speakers(name: str, examples: Examples) -> Record:
    """Return the number of speakers, if the config of the model has it."""
    known = len(examples.known_speakers())
    return {"speakers": known} if "speakers" in models.fields(name) else {}


def fitted(
    plan: Plan, fitting: Filed, dev: Filed, report: Callable[[Record], None]
) -> tuple[Any, Record]:
    """Return the fitted model and the record of its best epoch."""

    def measure(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        return {f"dev_{n}": v for n, v in figures.of(plan.heads, logits, targets).items()}

    loss = losses.of(plan.heads, fitting.targets, plan.settings)
    more: Record = {"loss": loss, "measure": measure, "place": plan.place}
    torch.manual_seed(plan.settings.seed)
    if plan.model == LATE:
        return late_fusion.fit(plan.config, fitting, dev, plan.settings, report, **more)
    model = models.build(plan.model, plan.config)
    return model, loop.fit(model, fitting, dev, plan.settings, report, **more)
