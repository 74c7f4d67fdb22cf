"""Let a model's probabilities mean what they say: fit its calibration on labelled records.

Reads what `predict` reads, with labels, of people the model was not trained on: label.emotion, or
label.distribution, votes or blend where the model answers in these. Writes the calibration into the
bundle, a line into its card, and one record of log loss and calibration error before and after.
Buffers: the logits are kept in memory, not the records.

--method temperature divides all logits by one number; vector gives each class a factor and an
offset, held near the temperature where records are few (Guo et al. 2017). For late-fusion the fused
log-probabilities are the logits. Records that fail, have no label, or one the model does not know,
are counted and said.

The shares of a model of blends are decoded anew: --decoder published chooses the two thresholds of
BLEMORE, expected a prior and a sharpness. All that is chosen here flatters on these records: score
others, of other people. Hold out a part of the training speakers for it, not of the test's.

Example:
    emocli encode dev.jsonl | emocli calibrate --model bundle --output calibrated
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from emocli import pipeline, records
from emocli.bundles import bundle
from emocli.cli import options
from emocli.errors import EmptyInputError, ExitStatus, MalformedError, UsageError
from emocli.pipeline import windows
from emocli.records import Record

METHODS, RULES = ("temperature", "vector"), ("published", "expected")
LINE = "Calibrated by `emocli calibrate`"  # of the card


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="BUNDLE", help="A trained model's folder.")
    ],
    method: Annotated[
        str, typer.Option(metavar="temperature|vector", help="How logits are scaled.")
    ] = METHODS[0],
    decoder: Annotated[
        str | None,
        typer.Option(metavar="published|expected", help="Of blends (default: the bundle's rule)."),
    ] = None,
) -> int:
    """Let a model's probabilities mean what they say: fit its calibration on labelled records."""
    for flag, value, known in (("method", method, METHODS), ("decoder", decoder, RULES)):
        if value not in (None, *known):
            raise UsageError(f"--{flag} {value}: neither {' nor '.join(known)}")
    trained = bundle.read(model)
    folder = _folder(run, trained)
    from emocli.training import calibration

    head = calibration.labelled(trained)
    if decoder and head.kind != "blend":
        raise UsageError(f"--decoder {decoder}: {trained.name} does not answer in blends")
    logits, shares, skipped = _collected(run, trained, head)
    contents = {**trained.contents, "calibration": calibration.fitted(logits, shares, method)}
    if head.kind == "blend":
        if decoder:
            contents["decoder"] = {"rule": decoder}
        contents["decoder"] = calibration.decoder(logits, shares, head, contents)
    before, after = (
        calibration.figures(logits, shares, head, about) for about in (trained.contents, contents)
    )
    about: Record = {"method": method, "records": len(logits), "skipped": dict(skipped)}
    for name in before:
        about[name] = {"before": before[name], "after": after[name]}
    contents["calibrated_on"] = about
    written = bundle.revise(trained, folder, contents, _card(trained, about))
    chosen: Record = {key: contents[key] for key in ("calibration", "decoder") if key in contents}
    _say(run, about, folder)
    row = {"model": trained.name, "calibrated_model": written.name, **about, **chosen}
    run.world.stdout.write(records.dumps(row))
    run.world.stdout.flush()
    return ExitStatus.OK


def _folder(run: options.Run, trained: bundle.Bundle) -> Path:
    """Return where the bundle is written, or raise UsageError before any work is done."""
    if run.flags["resume"]:
        raise UsageError("--resume: calibrate reads all records and writes one bundle")
    folder = Path(run.flags["output"] or trained.folder)
    if folder.exists() and folder.samefile(bundle.DEFAULT):
        hint = "--output DIR writes a bundle of your own"
        raise UsageError("the shipped model is not written over", hint=hint)
    if run.flags["output"]:
        bundle.require_free(folder)
    return folder


def _collected(
    run: options.Run, trained: bundle.Bundle, head: Any
) -> tuple[Any, Any, Counter[str]]:
    """Return logits and true shares (records, classes) of the head, and who was skipped, and why.

    Raises EmptyInputError where nothing is left.
    """
    import numpy as np

    from emocli.bundles import heads
    from emocli.commands import fuse, predict
    from emocli.training.targets import Targets

    skipped: Counter[str] = Counter()
    targets, rows = Targets([head.target]), []
    model = trained.model()
    size = run.batch_size(fuse.BATCH)

    def take(batch: list[Record]) -> list[Record]:
        rows.append(predict.logits(batch, trained, model))
        for record in batch:
            targets.add(record)
        return [{} for _ in batch]  # the record itself is not kept

    work = pipeline.chain(
        fuse.stage(run, trained), pipeline.batched(take, name="calibrate", size=size)
    )
    source = run.source()
    labelled = _labelled((record for _, record in source), head, skipped)
    for record in pipeline.windowed(work, windows.of(size))(labelled):
        skipped["error"] += "error" in record
    if source.problem:
        raise source.problem
    skipped += Counter()  # without zeros
    if not rows:
        raise EmptyInputError(f"nothing to calibrate on: {_counts(skipped) or 'no records'}")
    found = targets.tensor([head]).numpy()
    shares = np.eye(head.size)[found] if found.ndim == 1 else found.astype(np.float64)
    logits = heads.split(trained.heads, np.concatenate(rows).astype(np.float64))[head.target]
    return logits, shares, skipped


def _labelled(source: Any, head: Any, skipped: Counter[str]) -> Any:
    """Yield the records that have a label which the model knows; ids come once."""
    from emocli.training.targets import Targets

    seen: set[int] = set()
    for record in source:
        key = hash(repr(record.get("id")))
        if record.get("id") is not None and key in seen:
            raise MalformedError(f"{records.name_of(record)}: comes twice in the records")
        seen.add(key)
        label = Targets([head.target])
        if "error" in record:
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
    """Return the card with one line about the calibration, in place of an earlier one."""
    path = trained.folder / "card.md"
    card = path.read_text(encoding="utf-8") if path.exists() else f"# {trained.contents['name']}\n"
    kept = [line for line in card.splitlines() if not line.startswith(LINE)]
    while kept and not kept[-1]:
        kept.pop()
    loss = about["log_loss"]
    line = f"{LINE} ({about['method']}) on {about['records']} records: log loss"
    line += f" {loss['before']:.4f} before, {loss['after']:.4f} after, on these records."
    return "\n".join([*kept, "", line, ""])


def _say(run: options.Run, about: Record, folder: Path) -> None:
    say = run.world.stderr.write
    if about["skipped"]:
        say(f"emocli calibrate: {_counts(Counter(about['skipped']))}\n")
    if run.flags["quiet"]:
        return
    for name in ("log_loss", "ece", "blend_score"):
        if name in about:
            pair = about[name]
            say(f"emocli calibrate: {name} {pair['before']:.4f} -> {pair['after']:.4f}\n")
    say(
        f"emocli calibrate: {about['records']} records -> {folder}; on these very records"
        " the figures flatter: score others\n"
    )
