"""Soft tokens in training: the layout that records can fill, the module, a batch of its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from emocli import models
from emocli.bundles import bundle, soft_streams
from emocli.bundles.bundle import FUSION
from emocli.bundles.specs import timed
from emocli.errors import UsageError
from emocli.llm import soft_layouts
from emocli.llm.soft_tokens import Soft
from emocli.models._soft_tokens import SoftTokens
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.instruct import asked as asked_for
from emocli.training.data import Data, Filed
from emocli.training.language.corpus import Part
from emocli.training.loop import dropped, objective, standardise

MOMENTS = "conv-attention"  # the fusion that makes a token for each moment
# Settings of a fusion's bundle that are not those of a fusion inside: what it was trained by.
TRAINED_BY = ("dims", "classes", "task", "primary", "speakers", "adversary", "contrast")


def asked(flag: str) -> Record:
    """Return the layout of --soft; fusions that begin with a bundle have its settings."""
    layout = soft_layouts.layout(flag)
    layout["slots"] = {n: _begun(dict(slot)) for n, slot in layout.get("slots", {}).items()}
    if wrong := soft_streams.fault(layout, made=False):
        raise UsageError(f"--soft {flag:.80}: {wrong}")
    return layout


def _begun(slot: Record) -> Record:
    """Return a slot whose fusion begins with a bundle, with the model and the streams of that."""
    if not (start := slot.get("start")):
        return slot
    trained = bundle.read(start)
    if trained.kind != FUSION:
        raise UsageError(f"--soft: {start} is a predictor of kind {trained.kind}, not a fusion")
    about = trained.contents
    settings = {k: v for k, v in about["config"].items() if k not in TRAINED_BY}
    if "adversary" in about["config"]:
        settings |= {"adversary": 0.0}
    return {
        "frozen": True,  # unless the layout says otherwise
        **slot,
        "start": str(trained.folder.absolute()),
        "fusion": about["architecture"],
        "streams": list(trained.streams),
        "settings": settings,
    }


def streams(layout: Mapping[str, Any]) -> list[str]:
    """Return the streams that a layout reads, each once."""
    return list(dict.fromkeys(s for slot in layout["slots"].values() for s in slot["streams"]))


def filled(context: Context, layout: Record, specs: Mapping[str, Record]) -> Record:
    """Return the layout of the streams that records have; tell which placeholders are left out.

    Raises UsageError for a stream that no record has and that is not optional.
    """
    slots, lost = {}, []
    for name, slot in layout["slots"].items():
        has = [s for s in slot["streams"] if s in specs]
        if len(has) < len(slot["streams"]) and not layout.get("optional"):
            lacking = next(s for s in slot["streams"] if s not in specs)
            hint = f"emocli encode makes it, or leave <{name}> out"
            raise UsageError(f"<{name}> stands for features.{lacking}: no record has it", hint=hint)
        if not has:
            lost.append(name)
        slots[name] = {**slot, "streams": has}
    kept = soft_layouts.without({**layout, "slots": slots}, lost)
    if not kept["slots"]:
        wanted = ", ".join(streams(layout))
        raise UsageError(f"no record has features of {wanted}", hint="emocli encode makes them")
    for name, slot in kept["slots"].items():
        if wrong := _shape_fault(slot, [specs[s] for s in slot["streams"]]):
            raise UsageError(f"<{name}>: {wrong}", hint="see emocli/llm/soft for examples")
    if lost:
        listed = ", ".join(f"<{name}>" for name in lost)
        context.say("train", f"left out, since no record has their streams: {listed}")
    kept.pop("optional", None)
    return kept


def _shape_fault(slot: Record, of: Sequence[Record]) -> str:
    """Return why a slot cannot read streams of these specs, "" if it can."""
    if slot.get("like"):
        return ""
    fusion, is_timed = slot.get("fusion"), any(timed(spec) for spec in of)
    if fusion and is_timed and not models.takes_time(fusion):
        return f"fusion {fusion} reads vectors, and a stream is a sequence"
    moments = is_timed and fusion in (None, "", MOMENTS)
    if slot["tokens"] > 1 and not moments and slot.get("projector") != "low-rank":
        return f"{slot['tokens']} tokens of one vector need projector = 'low-rank'"
    return ""


def named(contents: Record) -> Record:
    """Return the contents of a bundle in which the starts of fusions are names, not folders."""
    if "soft" not in contents:
        return contents
    slots = {}
    for name, slot in contents["soft"]["slots"].items():
        start = slot.get("start")
        is_folder = start and Path(start).is_dir()
        slots[name] = {**slot, "start": bundle.read(start).name} if is_folder else slot
    return {**contents, "soft": {**contents["soft"], "slots": slots}}


def begun(contents: Record, network: Any, data: Filed) -> SoftTokens:
    """Return new soft tokens for a backbone, standardised by records; fusions begin as asked.

    A fusion whose linear head has a loss gets an output for each label, or one for a number.
    """
    for slot in contents["soft"]["slots"].values():
        if slot.get("auxiliary"):
            labels = contents.get("labels") or []
            about: Record = {"classes": len(labels) or 1}
            about |= {} if labels else {"task": "regression"}
            slot["settings"] = {**(slot.get("settings") or {}), **about}
    table = network.get_input_embeddings().weight.detach()
    contents["soft"] |= {"width": table.shape[1], "norm": float(table.float().norm(dim=1).mean())}
    module = SoftTokens(soft_streams.config(contents))
    for part in (module, *module.fusions.values()):
        standardise(part, data)
    for name, slot in contents["soft"]["slots"].items():
        if slot.get("start"):
            _take_weights(module.fusions[name], slot["start"])
    return module


def _hidden(name: str, shown: Sequence[frozenset[str] | None], mask: Tensor) -> Tensor:
    """Return for which records a stream is hidden: (records,), or (records, 1) beside frames."""
    hidden = torch.tensor([own is not None and name not in own for own in shown])
    return hidden.reshape(-1, *[1] * (mask.ndim - 1)).to(mask.device)


def _numbers(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean distance of numbers (records, 1) to their targets (records,)."""
    return functional.l1_loss(outputs[:, 0], targets)


def _take_weights(fusion: Any, start: str) -> None:
    tensors = bundle.read(start).tensors
    wanted = fusion.state_dict()
    fusion.load_state_dict({name: tensors[name] for name in wanted})


def filed(part: Part) -> Filed:
    """Return the streams of some records; their targets are not needed."""
    index = torch.tensor(list(part.numbers), dtype=torch.long)
    return Filed(part.corpus.examples.streams, torch.zeros(len(index)), index)


def rows(module: SoftTokens | None, part: Part, device: str) -> Rows | None:
    """Return what gives the soft tokens of some records, if there are any."""
    if module is None:
        return None
    seen = [asked_for.streams(part.corpus.record(n)) for n in part.numbers]
    return Rows(module, filed(part), device, seen=seen if any(seen) else ())


@dataclass
class Rows:
    """The soft tokens of records, by their numbers among those that are trained or tested on."""

    module: SoftTokens
    data: Filed
    device: str
    dropout: float = 0.0  # probability of leaving a stream out, in training
    # The streams that each record may see, where its task says so; None is all.
    seen: Sequence[frozenset[str] | None] = ()
    targets: Tensor | None = None  # classes (records,) or numbers, for heads of their own

    def __call__(self, numbers: Sequence[int]) -> Soft:
        """Return the soft tokens of some records, with gradients unless they are switched off."""
        rows = self.data.rows(torch.tensor(list(numbers))).to(self.device)
        masks = self._seen(rows.masks, numbers)
        masks = self._kept(masks) if self.module.training and self.dropout else masks
        return Soft(*self.module(rows.streams, masks))

    def beside(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Return the losses of the linear heads on what is fused, by name, as means of records."""
        found: dict[str, Tensor] = {}
        slots = self.module.config.slots
        for name, slot in slots.items():
            if not slot.auxiliary or slot.frozen or self.targets is None:
                continue
            rows = self.data.rows(torch.tensor(list(numbers))).to(self.device)
            targets = self.targets[list(numbers)].to(self.device)
            own = {n: rows.streams[n] for n in slot.streams}
            model: Any = self.module.fusions[name]
            loss = _numbers if targets.is_floating_point() else functional.cross_entropy
            terms = objective(model, Data(own, rows.masks, targets), loss)
            found["auxiliary"] = slot.auxiliary * terms.pop("task")
            found |= terms
        return found

    def _seen(self, masks: dict[str, Tensor], numbers: Sequence[int]) -> dict[str, Tensor]:
        """Mask the streams that the tasks of records do not show."""
        if not self.seen:
            return masks
        shown = [self.seen[n] for n in numbers]
        return {
            name: mask.clone().masked_fill_(_hidden(name, shown, mask), False)
            for name, mask in masks.items()
        }

    def _kept(self, masks: dict[str, Tensor]) -> dict[str, Tensor]:
        count = len(next(iter(masks.values())))
        kept = torch.rand(len(masks), count) >= self.dropout
        return dropped(masks, kept.to(self.device))
