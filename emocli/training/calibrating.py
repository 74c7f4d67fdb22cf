"""The work of `calibrate`: predict labelled records, fit the calibration, write a bundle."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emocli.bundles import bundle, checkpoint, heads, language
from emocli.errors import EmptyInputError, UsageError
from emocli.io.ids import UniqueIds
from emocli.pipeline.context import Context
from emocli.records import Record, texts
from emocli.training import calibration, collected
from emocli.training.collected import Collected
from emocli.training.targets import Targets

LINE = "Calibrated by `emocli calibrate`"  # the beginning of a line of the card


def calibrate(
    context: Context,
    trained: bundle.Bundle,
    source: Iterable[Record],
    *,
    method: str = "temperature",
    decoder: str | None = None,
    output: Path | None = None,
) -> Record:
    """Calibrate a bundle on labelled records; return its metrics before and after.

    `method` is temperature or vector. `decoder` is the rule for blends, published or expected; by
    default the rule of the bundle. The bundle is written to `output`, or in place.
    """
    folder = _folder(trained, output)
    head = calibration.labelled(trained)
    if decoder and head.kind != heads.BLEND:
        raise UsageError(f"--decoder {decoder}: {trained.name} does not predict blends")
    found, shares, skipped = _predicted(context, trained, head, source)
    logits = found.logits
    fitted_to = calibration.fitted(logits, shares, method)
    on = f"{len(logits)} records given to calibrate"
    contents = {**trained.contents, **found.contents, "calibration": {**fitted_to, "on": on}}
    if head.kind == heads.BLEND:
        if decoder:
            contents["decoder"] = {"rule": decoder}
        contents["decoder"] = calibration.decoder(logits, shares, head, contents)
    before = calibration.figures(found.before, shares, head, trained.contents)
    after = calibration.figures(logits, shares, head, contents)
    about: Record = {"method": method, "records": len(logits), "skipped": dict(skipped)}
    for name in before:
        about[name] = {"before": before[name], "after": after[name]}
    contents["calibrated_on"] = about
    asks = trained.kind == bundle.LANGUAGE
    written = _revised(context, trained, folder, contents, _card(trained, about))
    _say(context, about, folder)
    kept = ("prior", "prior_values", "calibration", "decoder")
    fitted: Record = {key: contents[key] for key in kept if key in contents}
    name = language.name(trained, contents["backbone"]["revision"]) if asks else trained.name
    return {"model": name, "calibrated_model": written.name, **about, **fitted}


def _revised(
    context: Context, trained: bundle.Bundle, folder: Path, contents: Record, card: str
) -> bundle.Bundle:
    """Write the bundle with new contents, in the way of its kind."""
    if trained.kind == bundle.CHECKPOINT:
        return checkpoint.save(folder, trained, contents, card, offline=context.offline)
    revise = language.copied if trained.kind == bundle.LANGUAGE else bundle.revise
    return revise(trained, folder, contents, card)


def _folder(trained: bundle.Bundle, output: Path | None) -> Path:
    """Return the folder to write to, or raise UsageError before any work is done."""
    folder = output or trained.folder
    if folder.exists() and folder.samefile(bundle.DEFAULT):
        hint = "--output DIR writes another bundle"
        raise UsageError("the shipped model is never overwritten", hint=hint)
    if output:
        bundle.require_free(folder)
    return folder


def _predicted(
    context: Context, trained: bundle.Bundle, head: heads.Head, source: Iterable[Record]
) -> tuple[Collected, Any, Counter[str]]:
    """Return logits and true shares (records, classes) of the head, and the skipped by reason.

    Raises EmptyInputError if no record is left.
    """
    skipped: Counter[str] = Counter()
    targets = Targets([head.target])

    def failed(_record: Record) -> None:
        skipped["error"] += 1

    known = _labelled(source, head, skipped)
    found = collected.collect(context, trained, known, targets.add, failed)
    if found is None:
        raise EmptyInputError(f"nothing to calibrate on: {_counts(skipped) or 'no records'}")
    truth = targets.tensor([head]).numpy()
    shares = np.eye(head.size)[truth] if truth.ndim == 1 else truth.astype(np.float64)
    return collected.weighted(found, shares), shares, skipped


def _labelled(
    source: Iterable[Record], head: heads.Head, skipped: Counter[str]
) -> Iterator[Record]:
    """Yield the records that have a label which the model knows; ids must be unique."""
    ids = UniqueIds()
    for record in source:
        ids.add(record.get("id"))
        label = Targets([head.target])
        if record.get("error"):
            skipped["error"] += 1
        elif not label.add(record):
            skipped["no label"] += 1
        elif set(label.words) - set(head.labels):
            skipped["a label the model does not know"] += 1
        else:
            yield record


def _counts(skipped: Counter[str]) -> str:
    return ", ".join(f"{count} records skipped: {why}" for why, count in skipped.items())


def _card(trained: bundle.Bundle, about: Record) -> str:
    """Return the card with a line about the calibration, which replaces an earlier one."""
    path = trained.folder / "card.md"
    card = f"# {trained.contents['name']}\n"
    if path.exists():
        with contextlib.suppress(ValueError):  # no text: a new card
            card, _ = texts.guessed(path.read_bytes())
    kept = [line for line in card.splitlines() if not line.startswith(LINE)]
    while kept and not kept[-1]:
        kept.pop()
    loss = about["log_loss"]
    line = f"{LINE} ({about['method']}) on {about['records']} records: log loss"
    line += f" {loss['before']:.4f} before, {loss['after']:.4f} after, on these records."
    return "\n".join([*kept, "", line, ""])


def _say(context: Context, about: Record, folder: Path) -> None:
    if about["skipped"]:
        context.say("calibrate", _counts(Counter(about["skipped"])))
    if context.quiet:
        return
    for name in ("log_loss", "ece", "blend_score"):
        if name in about:
            figure = about[name]
            context.say("calibrate", f"{name} {figure['before']:.4f} -> {figure['after']:.4f}")
    context.say(
        "calibrate",
        f"{about['records']} records -> {folder}; the figures are optimistic"
        " on these records: score others",
    )
