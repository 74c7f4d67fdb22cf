"""Cross-validation by groups: a model predicts each record without having seen its group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace

import torch

from emocli.bundles import outputs
from emocli.errors import UsageError
from emocli.records import Record, parse
from emocli.training import figures, loop
from emocli.training.examples import Examples
from emocli.training.loop import Place
from emocli.training.plan import Plan, fitted, split
from emocli.training.progress import Epochs


def folds(groups: list[str], count: int) -> list[int]:
    """Return the fold of each record: whole groups, assigned in the order of their hashes."""
    names = sorted(set(groups), key=lambda group: hashlib.blake2b(group.encode()).digest())
    if len(names) < 3:
        hint = "at least three are needed: to train, to stop early and to test"
        raise UsageError(f"--cv: only {len(names)} groups ({', '.join(names)})", hint=hint)
    place = {group: number % min(count, len(names)) for number, group in enumerate(names)}
    return [place[group] for group in groups]


def out_of_fold(
    plan: Plan, examples: Examples, epochs: Epochs, *, count: int, seeds: int = 1
) -> Iterator[Record]:
    """Yield every record, in order, with the prediction of a model trained without its group.

    There are at most `count` folds. Each model is stopped early and calibrated on a fifth of the
    groups outside its fold. With several seeds every record is yielded once per seed, its id
    suffixed with "#seed-N".
    """
    first = plan.settings.seed
    numbers = folds(examples.groups, count)
    for seed in range(first, first + seeds):
        epochs.about = {"seed": seed} if seeds > 1 else {}
        yield from _round(plan.seeded(seed), examples, numbers, epochs)
    epochs.clear()


def _round(plan: Plan, examples: Examples, numbers: list[int], epochs: Epochs) -> Iterator[Record]:
    """Yield every record with its prediction, for one seed; `numbers` are the folds."""
    data = examples.data(plan.heads)
    about = epochs.about
    predictions: list[Record] = [{} for _ in numbers]
    for fold in sorted(set(numbers)):
        epochs.about = {**about, "fold": fold + 1}
        mask = torch.tensor([number == fold for number in numbers])
        others = [g for g, n in zip(examples.groups, numbers, strict=True) if n != fold]
        fitting, dev = split(data.part((~mask).nonzero()[:, 0]), others)
        model, _ = fitted(
            replace(plan, place=_without_checkpoint(plan.place)), fitting, dev, epochs
        )
        calibration = figures.calibration(plan.heads, loop.logits(model, dev), dev.targets)
        contents = {"heads": [asdict(head) for head in plan.heads], **calibration}
        rows = mask.nonzero()[:, 0]
        answers = outputs.of(loop.logits(model, data.part(rows)), contents)
        for row, answer in zip(rows.tolist(), answers, strict=True):
            prediction = answer | {"calibrated": "calibration" in calibration}
            predictions[row] = {"fold": fold + 1, "prediction": prediction}
    examples.lines.seek(0)
    for line, prediction in zip(examples.lines, predictions, strict=True):
        record = parse(line, "a record of --cv")
        if about:
            record = {**record, "id": f"{record.get('id')}#seed-{about['seed']}", **about}
        yield record | prediction


def _without_checkpoint(place: Place) -> Place:
    """Return the place without a checkpoint: folds are never resumed."""
    return replace(place, checkpoint=None, resume=False)
