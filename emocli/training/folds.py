"""Cross-validation by groups: a model predicts each record without having seen its groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emocli.bundles import outputs
from emocli.bundles.heads import Head
from emocli.errors import UsageError
from emocli.records import Record, parse
from emocli.training import figures, loop
from emocli.training.data import Filed
from emocli.training.examples import Examples
from emocli.training.loop import Place
from emocli.training.plan import Plan, fitted
from emocli.training.progress import Epochs
from emocli.training.splits import Cell, Table, require_crossed
from emocli.training.splits import folds as folds

NAMED = 3  # cells that a message names


def table(examples: Examples, data: Filed, heads: Sequence[Head]) -> Table:
    """Return the groups of the records, those that share a trial as one, and their labels."""
    return Table(examples.groups.joined(), labels(data.targets, heads).numpy())


def labels(targets: Tensor, heads: Sequence[Head]) -> Tensor:
    """Return the number of each record's label, (records,); of shares the largest; 0 for none."""
    size = heads[0].size
    if not heads[0].labels:
        return torch.zeros(len(targets), dtype=torch.long)
    return targets if targets.ndim == 1 else targets[:, :size].argmax(1)


def split(examples: Examples, data: Filed, heads: Sequence[Head]) -> tuple[Filed, Filed]:
    """Return (train, dev); whole groups are held out, in the order of their hashes."""
    fitting, dev = (data.part(torch.from_numpy(p)) for p in split_places(examples, data, heads))
    return fitting, dev


def split_places(
    examples: Examples, data: Filed, heads: Sequence[Head]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the records of (train, dev)."""
    groups = table(examples, data, heads)
    parts = groups.held_out(groups.everything)
    if parts is None:
        names = ", ".join(groups.names[0])
        hint = "--dev FILE gives held-out records"
        raise UsageError(f"all records are of one speaker ({names})", hint=hint)
    fitting, dev = (groups.places(mask) for mask in parts)
    return fitting, dev


def cells(
    examples: Examples,
    heads: Sequence[Head],
    counts: Sequence[int],
    say: Callable[[str], None],
    inform: Callable[[str], None],
) -> list[Cell]:
    """Return the splits, one for each model of a seed; UsageError if one cannot be trained.

    `counts` are the folds of each field, at most. `say` is told what is wrong with a split,
    `inform` how many records each of several fields leaves.
    """
    groups, data = examples.groups, examples.data(heads)
    for text in groups.told():
        say(text)
    columns = groups.joined()
    if len(columns) > 1:
        require_crossed(groups.fields, columns)
    numbers = [folds(*each) for each in zip(columns, counts, groups.fields, strict=True)]
    found = list(table(examples, data, heads).cells(numbers))
    if len(columns) > 1:
        inform(described(found, len(examples), groups.fields))
    if text := unlearned(found, labels(data.targets, heads), heads[0].labels):
        say(text)
    return found


def described(found: Sequence[Cell], records: int, fields: Sequence[str]) -> str:
    """Return how many models there are, and how many records each is made of.

    >>> import numpy as np
    >>> described([Cell("1,1", np.arange(4), np.arange(1), np.arange(2))], 9, ("speaker", "trial"))
    '--cv speaker,trial: 1 model, trained on 4 of 9 records, stopped by 1, tested on 2'
    """
    train, dev, test = (
        _range([len(getattr(cell, part)) for cell in found]) for part in ("train", "dev", "test")
    )
    models = f"{len(found)} model{'s' if len(found) > 1 else ''}"
    about = f"trained on {train} of {records} records, stopped by {dev}, tested on {test}"
    return f"--cv {','.join(fields)}: {models}, {about}"


def unlearned(found: Sequence[Cell], numbers: Tensor, names: Sequence[str]) -> str:
    """Return which models are trained without a record of some label; "" if none is."""
    lacking = []
    for cell in found if names else ():
        known = set(numbers[torch.from_numpy(cell.train)].tolist())
        if absent := [names[n] for n in sorted(set(numbers.tolist()) - known)]:
            lacking.append(f"fold {cell.name} without {', '.join(absent)}")
    if not lacking:
        return ""
    more = "" if len(lacking) <= NAMED else " ..."
    which = "; ".join(lacking[:NAMED]) + more
    return f"{len(lacking)} of {len(found)} models are trained without some label: {which}"


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def out_of_fold(
    plan: Plan, examples: Examples, epochs: Epochs, found: Sequence[Cell], seeds: int = 1
) -> Iterator[Record]:
    """Yield every record, in order, with the prediction of a model trained without its groups.

    Each model is stopped early and calibrated on groups that are neither trained nor tested on.
    With several seeds every record is yielded once per seed, its id suffixed with "#seed-N".
    """
    first = plan.settings.seed
    for seed in range(first, first + seeds):
        epochs.about = {"seed": seed} if seeds > 1 else {}
        yield from _round(plan.seeded(seed), examples, found, epochs)
    epochs.clear()


def _round(
    plan: Plan, examples: Examples, found: Sequence[Cell], epochs: Epochs
) -> Iterator[Record]:
    """Yield every record with its prediction, for one seed."""
    data = examples.data(plan.heads)
    about = epochs.about
    predictions: list[Record] = [{} for _ in range(len(examples))]
    for cell in found:
        epochs.about = {**about, "fold": cell.name}
        answers = _answers(plan, data, cell, epochs)
        for row, answer in zip(cell.test.tolist(), answers, strict=True):
            predictions[row] = {"fold": cell.name, "prediction": answer}
    examples.lines.seek(0)
    for line, prediction in zip(examples.lines, predictions, strict=True):
        record = parse(line, "a record of --cv")
        if about:
            record = {**record, "id": f"{record.get('id')}#seed-{about['seed']}", **about}
        yield record | prediction


def _answers(plan: Plan, data: Filed, cell: Cell, epochs: Epochs) -> list[Record]:
    """Return the predictions of the tested records of a cell by a model of its own."""
    fitting, dev, test = (
        data.part(torch.from_numpy(places)) for places in (cell.train, cell.dev, cell.test)
    )
    model, _ = fitted(replace(plan, place=_without_checkpoint(plan.place)), fitting, dev, epochs)
    calibration = figures.calibration(plan.heads, loop.logits(model, dev), dev.targets)
    contents: dict[str, Any] = {"heads": [asdict(head) for head in plan.heads], **calibration}
    answers = outputs.of(loop.logits(model, test), contents)
    return [answer | outputs.provenance(contents) for answer in answers]


def _without_checkpoint(place: Place) -> Place:
    """Return the place without a checkpoint: folds are never resumed."""
    return replace(place, checkpoint=None, resume=False)
