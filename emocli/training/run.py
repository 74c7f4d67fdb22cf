"""The work of `train`: collect records, predict them out of fold, fit, write a bundle.

from emocli.pipeline.context import Context
from emocli.training.request import Request
from emocli.training.run import train

bundle = train(Context(), Request(output=Path("model")), records)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from emocli.bundles import bundle
from emocli.bundles.heads import CLASSES, Head
from emocli.io.writing import locked
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.training import distributed, figures, finishing, folds, loop, memory
from emocli.training import place as places
from emocli.training.card import card, summary, trained_on
from emocli.training.data import Filed
from emocli.training.examples import Examples, collect, counts
from emocli.training.groups import MADE
from emocli.training.plan import Plan, fitted, plan, require_valid
from emocli.training.progress import Epochs, opened
from emocli.training.request import Request
from emocli.training.splits import Cell
from emocli.training.state import Settings
from emocli.training.targets import named


@dataclass(frozen=True)
class Candidate:
    """The result of one seed."""

    model: Any
    best: Record  # the best epoch: epoch, dev_loss, ...
    settings: Settings

    @property
    def rank(self) -> tuple[float, int]:
        """The dev loss, and the seed to break ties."""
        return self.best["dev_loss"], self.settings.seed


def train(
    context: Context,
    request: Request,
    source: Iterable[Record],
    *,
    dev: Iterable[Record] | None = None,
    emit: Callable[[Iterable[Record]], object] | None = None,
) -> bundle.Bundle | None:
    """Train on the records of `source`; return the bundle if `request.output` is given.

    `dev` has the records for early stopping and calibration; without it groups are held out. With
    `request.cv`, `emit` is called with the out-of-fold predictions, in the order of the records. Of
    several processes the first one returns the bundle.
    """
    require_valid(request)
    if request.output is not None:
        bundle.require_free(request.output)
    place = places.of(context, request)
    with memory.enough("a smaller --batch-size, or --device cpu"), contextlib.ExitStack() as files:
        if request.output is not None and not distributed.world()[0]:
            files.enter_context(locked(request.output.absolute()))
        examples, held = files.enter_context(_collected(context, request, source, dev))
        fit_plan = plan(examples, held, request, place)
        log = files.enter_context(opened(request.log))
        epochs = Epochs(fit_plan.settings.epochs, log)
        if request.cv and emit is not None:
            cells = cells_of(context, request, fit_plan.heads, examples)
            emit(folds.out_of_fold(fit_plan, examples, epochs, cells, request.seeds))
        written = None
        if request.output is not None:
            written = _fit(context, request, fit_plan, (examples, held), epochs)
    distributed.finish()
    return written


@contextlib.contextmanager
def _collected(
    context: Context, request: Request, source: Iterable[Record], dev: Iterable[Record] | None
) -> Iterator[tuple[Examples, Examples | None]]:
    """Give the records to train on and those held out, and report the skipped ones."""
    names = named(request.target)
    with contextlib.ExitStack() as files:
        examples = files.enter_context(contextlib.closing(Examples(names, request.fields)))
        collect(context.store, source, examples, request.streams, bool(request.cv))
        held = None
        if dev is not None:
            held = files.enter_context(contextlib.closing(Examples(names)))
            held.specs, held.streams = dict(examples.specs), examples.empty()
            collect(context.store, dev, held, list(examples.specs))
        for part in (examples, held):
            if part and (skipped := counts(part)) and not distributed.world()[0]:
                context.say("train", skipped)
        if held and (trials := examples.groups.shared_trials(held.groups)):
            context.say("train", f"{trials} trials are in the training and in the --dev records")
        yield examples, held


def cells_of(
    context: Context, request: Request, heads: Sequence[Head], examples: Examples
) -> list[Cell]:
    """Return the splits of --cv, and tell what there is to know of them."""

    def say(text: str) -> None:
        context.say("train", text)

    def inform(text: str) -> None:
        if not context.quiet:
            say(text)

    return folds.cells(examples, heads, request.counts, say, inform)


def _fit(
    context: Context,
    request: Request,
    plan: Plan,
    parts: tuple[Examples, Examples | None],
    epochs: Epochs,
) -> bundle.Bundle | None:
    """Fit with each seed, calibrate the model of the best dev loss, and write its bundle."""
    examples, held = parts
    assert request.output is not None
    if done := finishing.finished(context, request.output, plan.place, request.seeds):
        return done
    data = examples.data(plan.heads)
    fitting, dev = (
        (data, held.data(plan.heads)) if held else folds.split(examples, data, plan.heads)
    )
    candidates = []
    first = plan.settings.seed
    for seed in range(first, first + request.seeds):
        epochs.about = {"seed": seed} if request.seeds > 1 else {}
        seeded = plan.seeded(seed)
        model, best = fitted(seeded, fitting, dev, epochs)
        candidates.append(Candidate(model, best, seeded.settings))
    epochs.clear()
    if distributed.world()[0]:
        return None
    model, contents = _best(plan, examples, dev, candidates)
    kept_back = 0 if held else len(dev)
    contents["training"] |= finishing.about(plan.place, request.seeds, kept_back)
    written = bundle.save(request.output, model, contents, card(contents))
    finishing.clean(plan.place)
    if not context.quiet:
        metrics, epoch = contents["metrics"], contents["training"]["epoch"]
        held_out = f"held out: {summary(metrics)} on {metrics['dev_records']}"
        records = trained_on(contents["training"])
        text = f"{records}, epoch {epoch}, {held_out} -> {request.output}"
        context.say("train", text)
    return written


def _best(
    plan: Plan, examples: Examples, dev: Filed, candidates: list[Candidate]
) -> tuple[Any, Record]:
    """Return the model of the best dev loss, on the CPU, and the contents of its bundle."""
    logits = {c.settings.seed: loop.logits(c.model, dev) for c in candidates}
    by_seed = {s: figures.of(plan.heads, values, dev.targets) for s, values in logits.items()}
    best = min(candidates, key=lambda candidate: candidate.rank)
    seed = best.settings.seed
    contents = {
        "name": plan.model,
        "architecture": plan.model,
        "config": orjson.loads(orjson.dumps(best.model.config)),
        "labels": list(plan.heads[0].labels),
        **_heads(plan),
        "streams": examples.specs,
        **figures.calibration(plan.heads, logits[seed], dev.targets),
        "training": {
            "records": len(examples),
            "groups": len(set(examples.groups.columns[0]) - {MADE}),
            "datasets": dict(examples.datasets),
            **asdict(best.settings),
            **best.best,
        },
        "metrics": {
            "dev_records": len(dev),
            **{f"dev_{name}": value for name, value in by_seed[seed].items()},
            **({"seeds": {str(s): f for s, f in by_seed.items()}} if len(by_seed) > 1 else {}),
        },
    }
    return best.model.to("cpu"), contents


def _heads(plan: Plan) -> Record:
    """Return the `heads` of a bundle; {} for a single head of classes."""
    if [head.kind for head in plan.heads] == [CLASSES]:
        return {}
    return {"heads": [asdict(head) for head in plan.heads]}
