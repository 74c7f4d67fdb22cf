"""From labelled records to a bundle: splitting, fitting, describing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import torch

from emocli import models
from emocli.bundles import bundle
from emocli.bundles.heads import CLASSES, Head
from emocli.cli import options
from emocli.errors import ExitStatus, UsageError
from emocli.records import Record
from emocli.training import distributed, figures, late_fusion, loop, losses
from emocli.training import state as training_state
from emocli.training.card import card, told
from emocli.training.data import Filed
from emocli.training.examples import MADE, Examples, require_time
from emocli.training.loop import Place, Settings
from emocli.training.progress import Epochs

LATE = "late-fusion"  # is made of heads that are trained one by one
DEV_SHARE = 5  # one group in five is held out


@dataclass(frozen=True)
class Plan:
    """What to fit: which model, its config, what it answers, how and where to train it."""

    model: str
    config: Record
    heads: tuple[Head, ...]
    settings: Settings
    place: Place

    def seeded(self, seed: int) -> Plan:
        """Return the same with another seed, and a checkpoint of its own."""
        file = self.place.checkpoint
        place = self.place
        if file is not None:
            name = f"seed-{seed}.safetensors"
            place = replace(place, checkpoint=file / name, run=f"{place.run}-{seed}")
        return replace(self, settings=replace(self.settings, seed=seed), place=place)


def plan(examples: Examples, held: Examples | None, name: str, given: Record, place: Place) -> Plan:
    """Return what to fit on the records; `given` has the tables model and training.

    What names the run is all that decides its weights: records, held-out ones, heads, settings.
    """
    wanted = examples.targets.heads()
    if len(wanted[0].labels) == 1:
        raise UsageError(f"all records have one label, {wanted[0].labels[0]}")
    require_time(name, examples)
    config = {
        "dims": {stream: spec["dim"] for stream, spec in examples.specs.items()},
        "classes": sum(head.size for head in wanted),
        **_kind(name, wanted),
        **given["model"],
    }
    settings = training_state.settings(given["training"])
    if settings.loss and settings.loss not in losses.NAMES:
        raise UsageError(f"--loss {settings.loss}: none of {', '.join(losses.NAMES)}")
    if settings.loss and config.get("objective", _objective(name)) not in (None, "task"):
        hint = '[model] objective = "task" in a --config file takes another'
        raise UsageError(f"--loss {settings.loss}: {name} has a loss of its own", hint=hint)
    if settings.loss and not wanted[0].labels:
        targets = ",".join(head.target for head in wanted)
        raise UsageError(f"--loss {settings.loss} is of labels: --target {targets} has none")
    if settings.even and (len(wanted) > 1 or not wanted[0].labels):
        hint = "one of emotion, distribution, blend as --target, and no other"
        raise UsageError("[training]: even draws from classes alone", hint=hint)
    parts = [part.digest.hexdigest() for part in (examples, held) if part]
    what = [parts, name, config, asdict(settings), examples.specs, list(map(asdict, wanted))]
    run = hashlib.blake2b(orjson.dumps(what), digest_size=16).hexdigest()
    return Plan(name, config, tuple(wanted), settings, replace(place, run=run))


def _objective(name: str) -> str | None:
    """Return the objective that a model's config has by default, where it chooses among some."""
    return models.defaults(name).get("objective")


def _kind(name: str, wanted: Sequence[Head]) -> Record:
    """Return what a model's config says of its answers, where it asks."""
    asks = models.fields(name)
    first = wanted[0]
    found: Record = {}
    if "task" in asks:
        found["task"] = "classification" if first.labels else "regression"
    elif not first.labels and name not in ("linear", "mlp"):
        raise UsageError(f"--model {name} answers with labels, not with {first.target}")
    if name == LATE and len(wanted) > 1:
        targets = ", ".join(head.target for head in wanted)
        hint = "one of emotion, distribution, blend"
        raise UsageError(f"--model {name} answers one --target, not {targets}", hint=hint)
    if "primary" in asks and len(wanted) > 1 and first.labels:
        found["primary"] = first.size
    return found


def split(data: Filed, groups: list[str]) -> tuple[Filed, Filed]:
    """Return (train, dev): whole groups are held out, by the order of their hashes."""
    names = sorted(set(groups) - {MADE}, key=lambda g: hashlib.blake2b(g.encode()).digest())
    if len(names) < 2:
        raise UsageError(
            f"all records are of one speaker ({', '.join(names)})",
            hint="--dev FILE gives held-out records",
        )
    held = set(names[: max(1, len(names) // DEV_SHARE)])
    mask = torch.tensor([group in held for group in groups])
    return data.part((~mask).nonzero()[:, 0]), data.part(mask.nonzero()[:, 0])


def fitted(
    plan: Plan, fitting: Filed, dev: Filed, report: Callable[[Record], None]
) -> tuple[Any, Record]:
    """Return the model and what is said of its best epoch."""

    def measure(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        return {f"dev_{n}": v for n, v in figures.of(plan.heads, logits, targets).items()}

    loss = losses.of(plan.heads, fitting.targets, plan.settings)
    more: Record = {"loss": loss, "measure": measure, "place": plan.place}
    torch.manual_seed(plan.settings.seed)
    if plan.model == LATE:
        return late_fusion.fit(plan.config, fitting, dev, plan.settings, report, **more)
    model = models.build(plan.model, plan.config)
    return model, loop.fit(model, fitting, dev, plan.settings, report, **more)


def train(
    run: options.Run, plan: Plan, examples: Examples, held: Examples | None, epochs: Epochs
) -> int:
    """Fit with each seed, calibrate the best on the dev loss, write its bundle."""
    data = examples.data(plan.heads)
    parts = (data, held.data(plan.heads)) if held else split(data, examples.groups)
    found = []
    first = plan.settings.seed
    for seed in range(first, first + run.own["seeds"]):
        epochs.about = {"seed": seed} if run.own["seeds"] > 1 else {}
        seeded = plan.seeded(seed)
        model, best = fitted(seeded, *parts, epochs)
        found.append((best["dev_loss"], seed, model, best, seeded.settings))
    epochs.clear()
    if distributed.world()[0] == 0:
        _write(run, plan, examples, parts[1], found)
    return ExitStatus.OK


def _write(
    run: options.Run, plan: Plan, examples: Examples, dev: Filed, found: list[tuple[Any, ...]]
) -> None:
    answers = {seed: loop.logits(model, dev) for _, seed, model, _, _ in found}
    by_seed = {s: figures.of(plan.heads, values, dev.targets) for s, values in answers.items()}
    _, seed, model, best, settings = min(found, key=lambda one: one[:2])
    contents = {
        "name": plan.model,
        "architecture": plan.model,
        "config": orjson.loads(orjson.dumps(model.config)),
        "labels": list(plan.heads[0].labels),
        **_heads(plan),
        "streams": examples.specs,
        **figures.calibration(plan.heads, answers[seed], dev.targets),
        "training": {
            "records": len(examples),
            "groups": len(set(examples.groups) - {MADE}),
            "datasets": dict(examples.datasets),
            **asdict(settings),
            **best,
        },
        "metrics": {
            "dev_records": len(dev),
            **{f"dev_{name}": value for name, value in by_seed[seed].items()},
            **({"seeds": {str(s): one for s, one in by_seed.items()}} if len(found) > 1 else {}),
        },
    }
    model.to("cpu")
    bundle.save(Path(run.flags["output"]), model, contents, card(contents))
    clean(plan.place)
    _say(run, examples, contents)


def _heads(plan: Plan) -> Record:
    """Return what a bundle says of its heads; nothing where there is one of classes."""
    if [head.kind for head in plan.heads] == [CLASSES]:
        return {}
    return {"heads": [asdict(head) for head in plan.heads]}


def clean(place: Place) -> None:
    """Delete the checkpoints of a run that has come to its end."""
    folder = place.checkpoint
    if folder is not None and folder.is_dir():
        for file in folder.glob("seed-*.safetensors*"):  # and what a killed run has half written
            file.unlink()
        folder.rmdir()


def _say(run: options.Run, examples: Examples, contents: Record) -> None:
    if not run.flags["quiet"]:
        found, best = contents["metrics"], contents["training"]
        run.world.stderr.write(
            f"emocli train: {len(examples)} records, epoch {best['epoch']}, held out:"
            f" {told(found)} on {found['dev_records']} -> {run.flags['output']}\n"
        )
