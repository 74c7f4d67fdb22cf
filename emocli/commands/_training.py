"""From labelled records to a bundle: collecting, splitting, fitting, describing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch

from emocli import bundle, labels, models, options, records, training
from emocli.errors import EmptyInputError, ExitStatus, MalformedError, UsageError
from emocli.inputs import Source

Record = dict[str, Any]

DEV_SHARE = 5  # one group in five is held out


@dataclass(frozen=True)
class Plan:
    """What to fit: which model, its config, the labels in order, how to train."""

    model: str
    config: Record
    names: list[str]
    settings: training.Settings


@dataclass
class Examples:
    """Labelled vectors; `groups` is who speaks, for a split that does not leak."""

    specs: dict[str, Record] = field(default_factory=dict)
    vectors: list[dict[str, Any]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)  # without features; where they are kept
    datasets: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.targets)


def collect(
    run: options.Run, source: Source, streams: list[str] | None, group: str | None = None
) -> Examples:
    """Read all records; keep the vectors of those that have a label and a stream.

    `group` is the field that says what belongs together; then the records are kept as well.
    """
    examples = Examples()
    seen: set[Any] = set()
    for _, record in source:
        key = record.get("id")
        if key in seen:
            raise MalformedError(f"{key}: comes twice in the training records")
        seen.add(key)
        if reason := _unfit(record):
            examples.skipped[reason] += 1
        elif not _take(run, examples, record, streams):
            examples.skipped["no stream"] += 1
        elif group:
            examples.groups[-1] = str(records.require(record, group, "train without --cv"))
            examples.records.append({k: v for k, v in record.items() if k != "features"})
    if source.problem:
        raise source.problem
    if not examples.targets:
        raise EmptyInputError(f"nothing to train on: {_counts(examples.skipped) or 'no records'}")
    return examples


def _unfit(record: Record) -> str | None:
    if "error" in record:
        return "error"
    emotion = (record.get("label") or {}).get("emotion")
    return None if isinstance(emotion, str) and emotion else "no label"


def _take(run: options.Run, examples: Examples, record: Record, streams: list[str] | None) -> bool:
    there = record.get("features") or {}
    found = {}
    for name in streams or [n for n in there if there[n].get("modality") != "fused"]:
        if name in there and name not in (record.get("missing") or {}):
            spec = _spec(there[name])
            wanted = examples.specs.setdefault(name, spec)
            if problem := bundle.mismatch(wanted, spec):
                raise UsageError(f"{records.name_of(record)}: features.{name}: {problem}")
            feature = there[name]
            values = feature.get("vector")
            found[name] = np.asarray(
                run.store.array(feature["array"]) if values is None else values, np.float32
            )
            if found[name].shape != (wanted["dim"],):
                raise UsageError(f"{records.name_of(record)}: features.{name} has a time axis")
    if not found:
        return False
    examples.vectors.append(found)
    examples.targets.append(record["label"]["emotion"])
    examples.groups.append(str(record.get("speaker") or record.get("dialogue") or record.get("id")))
    examples.datasets[str(record.get("dataset"))] += 1
    return True


def _spec(feature: Record) -> Record:
    return {"modality": feature.get("modality"), **{k: feature.get(k) for k in bundle.MATCHED}}


def classes(targets: Iterable[str]) -> list[str]:
    """Return the labels in the project's order, others behind them by name."""
    found = set(targets)
    known = [name for name in labels.EMOTIONS if name in found]
    return known + sorted(found - set(known))


def tensors(examples: Examples, names: list[str]) -> training.Data:
    """Return the records as tensors; an absent stream is masked."""
    streams, masks = {}, {}
    for name, spec in examples.specs.items():
        rows = [v.get(name, np.zeros(spec["dim"], np.float32)) for v in examples.vectors]
        streams[name] = torch.from_numpy(np.stack(rows))
        masks[name] = torch.tensor([name in v for v in examples.vectors])
    index = {name: i for i, name in enumerate(names)}
    return training.Data(streams, masks, torch.tensor([index[t] for t in examples.targets]))


def split(data: training.Data, groups: list[str]) -> tuple[training.Data, training.Data]:
    """Return (train, dev): whole groups are held out, by the order of their hashes."""
    names = sorted(set(groups), key=lambda g: hashlib.blake2b(g.encode()).digest())
    if len(names) < 2:
        raise UsageError(
            f"all records are of one speaker ({names[0]})", hint="--dev FILE gives held-out records"
        )
    held = set(names[: max(1, len(names) // DEV_SHARE)])
    mask = torch.tensor([group in held for group in groups])
    return data.rows((~mask).nonzero()[:, 0]), data.rows(mask.nonzero()[:, 0])


def plan(examples: Examples, held: Examples | None, name: str, given: Record) -> Plan:
    """Return what to fit on the records; `given` has the tables model and training."""
    names = classes(examples.targets)
    if held and (unknown := set(held.targets) - set(names)):
        raise UsageError(
            f"--dev has labels the training records lack: {', '.join(sorted(unknown))}"
        )
    if len(names) < 2:
        raise UsageError(f"all records have one label, {names[0]}")
    dims = {stream: spec["dim"] for stream, spec in examples.specs.items()}
    try:
        settings = training.Settings(**given["training"])
    except TypeError as error:
        raise UsageError(f"[training]: {error}") from None
    return Plan(name, {"dims": dims, "classes": len(names), **given["model"]}, names, settings)


def fitted(
    plan: Plan, fitting: training.Data, dev: training.Data, lines: list[Record] | None = None
) -> tuple[Any, Record, training.Data]:
    """Return the model, what is said of its best epoch, and what it was stopped on."""
    torch.manual_seed(plan.settings.seed)
    model = models.build(plan.model, plan.config)
    report = (lambda _: None) if lines is None else lines.append
    return model, training.fit(model, fitting, dev, plan.settings, report), dev


def train(
    run: options.Run, plan: Plan, examples: Examples, held: Examples | None, log: Path | None
) -> int:
    """Fit, calibrate and write the bundle; return the exit status."""
    data = tensors(examples, plan.names)
    parts = (data, tensors(held, plan.names)) if held else split(data, examples.groups)
    lines: list[Record] = []
    model, best, dev = fitted(plan, *parts, lines)
    if log:
        log.write_bytes(b"".join(records.dumps(line) for line in lines))
    contents = _contents(plan.model, model, examples, plan.names, dev)
    contents["training"] |= {**asdict(plan.settings), **best}
    bundle.save(Path(run.flags["output"]), model, contents, _card(contents))
    _say(run, examples, contents, best)
    return ExitStatus.OK


def _contents(
    name: str, model: Any, examples: Examples, names: list[str], dev: training.Data
) -> Record:
    values = training.logits(model, dev).double().numpy()
    targets = dev.targets.numpy()
    recalls = [(values.argmax(1)[targets == c] == c).mean() for c in np.unique(targets)]
    return {
        "name": name,
        "architecture": name,
        "config": orjson.loads(orjson.dumps(model.config)),
        "labels": names,
        "streams": examples.specs,
        "calibration": {"temperature": training.temperature(values, targets)},
        "training": {
            "records": len(examples),
            "groups": len(set(examples.groups)),
            "datasets": dict(examples.datasets),
        },
        "metrics": {"dev_records": len(targets), "dev_uar": float(np.mean(recalls))},
    }


def _card(contents: Record) -> str:
    """Return the model card."""
    how, found = contents["training"], contents["metrics"]
    data = ", ".join(f"{name} ({n})" for name, n in how["datasets"].items())
    streams = "\n".join(
        f"- `{name}`: {spec['encoder']}, layer {spec['layer']}, {spec['pooling']}, {spec['dim']}"
        for name, spec in contents["streams"].items()
    )
    return (
        f"# {contents['name']}\n\nTrained by `emocli train` on {how['records']} records of"
        f" {how['groups']} speakers or dialogues: {data}.\n\n"
        f"Labels: {', '.join(contents['labels'])}.\n\nStreams:\n{streams}\n\n"
        f"Held out: {found['dev_records']} records, UAR {found['dev_uar']:.3f}"
        " (they also chose the epoch and the temperature, so this flatters).\n\n"
        "The terms of the training data hold for these weights as well.\n"
    )


def _counts(skipped: Counter[str]) -> str:
    return ", ".join(f"{count} records skipped: {why}" for why, count in skipped.items())


def _say(run: options.Run, examples: Examples, contents: Record, best: Record) -> None:
    if examples.skipped:
        run.world.stderr.write(f"emocli train: {_counts(examples.skipped)}\n")
    if not run.flags["quiet"]:
        found = contents["metrics"]
        run.world.stderr.write(
            f"emocli train: {len(examples)} records, epoch {best['epoch']}, held-out UAR"
            f" {found['dev_uar']:.3f} on {found['dev_records']} -> {run.flags['output']}\n"
        )
