"""From a trained adapter to predictions and to a bundle, as `emocli predict` gives them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from emocli.bundles import bundle, language
from emocli.bundles.bundle import Bundle
from emocli.records import Record, name_of
from emocli.stages import predict
from emocli.training import distributed, figures, finishing
from emocli.training.card import summary, trained_on
from emocli.training.folds import split_places
from emocli.training.language import soft
from emocli.training.language.corpus import Part
from emocli.training.language.fitting import Fitter, sample
from emocli.training.language.trained import Trained
from emocli.training.progress import Epochs
from emocli.training.splits import Cell

LEAST = 1e-30  # of a probability whose logarithm is taken


def written(fitter: Fitter, network: Trained, contents: Record, folder: Path) -> Bundle:
    """Write a bundle: what is trained, and contents."""

    def files(part: Path) -> None:
        network.save(part, fitter.spec.backbone)

    return language.save(folder, soft.named(contents), card(contents), files)


def answered(fitter: Fitter, trained: Bundle, part: Part) -> list[Record]:
    """Return some records with what a bundle predicts."""
    work = predict.stage(fitter.context, trained)
    return list(work(part.corpus.record(number) for number in part.numbers))


def calibrated(fitter: Fitter, trained: Bundle, dev: Part) -> Record:
    """Return `calibration`, if there are probabilities, and `metrics` on held-out records."""
    head = dev.corpus.head(fitter.spec)
    numbers = sample(dev.numbers, fitter.settings.dev_records)
    answers = answered(fitter, trained, Part(dev.corpus, numbers))
    rows, kept = [], []
    for number, record in zip(numbers, answers, strict=True):
        values = _columns(record.get("prediction") or {}, head.labels, head.target)
        if values is not None:
            rows.append(values)
            kept.append(number)
    if not rows:
        return {"metrics": {"dev_records": 0}}
    import torch

    targets = dev.corpus.examples.targets.tensor([head])[kept]
    logits = torch.tensor(np.array(rows))
    if not head.labels:
        logits = (logits - head.mean) / head.scale
    found = figures.of([head], logits, targets)
    metrics = {"dev_records": len(kept), **{f"dev_{n}": v for n, v in found.items()}}
    return {"metrics": metrics, **figures.calibration([head], logits, targets)}


def _columns(prediction: Record, labels: Sequence[str], target: str) -> list[float] | None:
    """Return the log-probabilities of a prediction, or its number; None without."""
    if not labels:
        value = prediction.get(target)
        return None if value is None else [float(value)]
    shares = prediction.get("probabilities")
    return shares and [float(np.log(max(shares[label], LEAST))) for label in labels]


def fitted(
    fitter: Fitter, of: tuple[Part, Part | None], reports: Epochs, seeds: int, output: Path
) -> Bundle | None:
    """Fit with each seed; write the bundle of the best dev loss, calibrated on held-out records.

    `of` are the records, and those that are held out if they are given. Of several processes the
    first calibrates and writes; the others are done after the fits, which ends what they do
    together, and return None.
    """
    whole, held = of
    train, dev = (whole, held) if held else parts(fitter, whole)
    with tempfile.TemporaryDirectory() as kept:
        best = Path(kept, "best")
        about = _best(fitter, (whole, train, dev), reports, seeds, best)
        reports.clear()
        first = not distributed.world()[0]
        distributed.finish()
        fitter.release()  # the held-out records are answered by a backbone of their own
        if not first:
            return None
        kept_back = 0 if held else len(dev.numbers)
        about["training"] |= finishing.about(fitter.place, seeds, kept_back)
        contents = {**fitter.contents, **about}
        trained = bundle.read(best)
        contents |= calibrated(fitter, trained, dev)
        return language.copied(trained, output, soft.named(contents), card(contents))


def _best(
    fitter: Fitter, of: tuple[Part, Part, Part], reports: Epochs, seeds: int, folder: Path
) -> Record:
    """Fit with each seed; write the adapter of the best dev loss, return what is told of it.

    `of` are all records, those to train on, and those that are held out.
    """
    whole, train, dev = of
    best, about = float("inf"), Record()
    for seed in range(fitter.settings.seed, fitter.settings.seed + seeds):
        reports.about = {"seed": seed} if seeds > 1 else {}
        seeded = fitter.seeded(seed)
        network, found = seeded.fit(train, dev, reports)
        if found["dev_loss"] < best:
            best, about = found["dev_loss"], _about(seeded, whole, found)
            if not distributed.world()[0]:
                written(seeded, network, fitter.contents, folder)
        network.unload()
    return about


def _about(fitter: Fitter, whole: Part, best: Record) -> Record:
    examples = whole.corpus.examples
    training = {
        "objective": fitter.asked.objective,
        "rationale": fitter.asked.rationale,
        "records": len(examples),
        "groups": len(set(examples.groups.columns[0])),
        "datasets": dict(examples.datasets),
        "dtype": fitter.place.dtype,
        **asdict(fitter.settings),
        **best,
    }
    backbone = {"name": fitter.spec.backbone, "revision": fitter.revision}
    return {"backbone": backbone, "training": training}


def parts(fitter: Fitter, whole: Part) -> tuple[Part, Part]:
    """Return the records to train on, and those of groups that are held out."""
    heads = [whole.corpus.head(fitter.spec)]
    places = split_places(whole.corpus.examples, whole.corpus.examples.data(heads), heads)
    train, dev = (Part(whole.corpus, part.tolist()) for part in places)
    return train, dev


def out_of_fold(
    fitter: Fitter, whole: Part, cells: Sequence[Cell], reports: Epochs, seeds: int
) -> Iterator[Record]:
    """Yield every record, in order, with the prediction of a model trained without its groups."""
    first = fitter.settings.seed
    for seed in range(first, first + seeds):
        about: Record = {"seed": seed} if seeds > 1 else {}
        found: dict[int, Record] = {}
        for cell in cells:
            reports.about = {**about, "fold": cell.name}
            for number, record in _tested(fitter.seeded(seed), whole, cell, reports):
                found[number] = {"fold": cell.name, **record}
        for number in range(len(whole.corpus)):
            record = whole.corpus.record(number)
            if about:
                record = {**record, "id": f"{name_of(record)}#seed-{seed}", **about}
            yield record | found.get(number, {})
    reports.clear()


def _tested(
    fitter: Fitter, whole: Part, cell: Cell, reports: Epochs
) -> Iterator[tuple[int, Record]]:
    """Yield what a model of its own predicts for the tested records of a cell, by number."""
    train, dev, test = (
        Part(whole.corpus, places.tolist()) for places in (cell.train, cell.dev, cell.test)
    )
    network, _ = fitter.fit(train, dev, reports)
    with tempfile.TemporaryDirectory() as kept:
        trained = written(fitter, network, fitter.contents, Path(kept, "first"))
        network.unload()
        contents = {**fitter.contents, **calibrated(fitter, trained, dev)}
        trained = language.copied(trained, Path(kept, "second"), soft.named(contents), "")
        for number, record in zip(test.numbers, answered(fitter, trained, test), strict=True):
            yield number, {k: record[k] for k in ("prediction", "error") if record.get(k)}


def card(contents: Record) -> str:
    """Return the card of a bundle."""
    training = contents.get("training")
    if not training:
        return f"# {contents['name']}\n"
    metrics = contents["metrics"]
    data = ", ".join(f"{name} ({n})" for name, n in training["datasets"].items())
    backbone = contents["backbone"]
    answers = ", ".join(contents.get("labels") or [contents["template"]["name"]])
    held = f"Held out: {metrics['dev_records']} records, {summary(metrics)}"
    return (
        f"# {contents['name']}\n\nAn adapter of {backbone['name']} ({backbone['revision']}), whose"
        f" weights are not here. Trained by `emocli train --model language`"
        f" ({training['objective']}, {training['step']} steps of {training['batch_size']}) on"
        f" {trained_on(training)} of {training['groups']} speakers or dialogues: {data}.\n\n"
        f"Answers: {answers}. Told of the voice: {contents['prosody']}; preceding turns:"
        f" {contents['context']}; decoding: {contents['decode']}.\n\n"
        f"{held} (they also chose the step and the calibration, so these figures are"
        " optimistic).\n\nThe terms of the backbone and of the training data hold as well.\n"
    )
