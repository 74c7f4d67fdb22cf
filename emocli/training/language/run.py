"""The work of `train --model language`: records to prompts, an adapter, a bundle of its kind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from emocli import pipeline
from emocli.bundles import bundle, language
from emocli.bundles.bundle import LANGUAGE, Bundle
from emocli.errors import UsageError
from emocli.io.writing import locked
from emocli.llm.prompts import CONSTRAINED, THINKING
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages import predict
from emocli.stages.language_predictor import bringing
from emocli.training import distributed, finishing, memory, run
from emocli.training import place as places
from emocli.training.card import summary, trained_on
from emocli.training.examples import Examples, counts
from emocli.training.language import corpus as corpora
from emocli.training.language import fitting, results, soft
from emocli.training.language.corpus import Part
from emocli.training.language.fitting import Fitter
from emocli.training.language.settings import GRPO, NONE, TEMPLATED, Request, settings
from emocli.training.progress import Epochs, opened
from emocli.training.request import Request as Common

TEMPLATE = "emotion"  # the default
SMALLER = (
    "in [training] of --config a smaller part_size, or recompute = true; --dtype bfloat16; under"
    " torchrun shard = true"
)


def train(
    context: Context,
    common: Common,
    source: Iterable[Record],
    *,
    asked: Request,
    dev: Iterable[Record] | None = None,
    emit: Callable[[Iterable[Record]], object] | None = None,
) -> Bundle | None:
    """Train on the records of `source`; return the bundle if `common.output` is given.

    `dev`, `emit` and what is returned are as in `training.run.train`.
    """
    _require_unsaid(common)
    chosen, contents = settings(common.settings), begun(asked)
    _require_voice(asked, contents)
    if common.output is not None:
        bundle.require_free(common.output)
    place = places.of(context, common)
    with memory.enough(SMALLER), contextlib.ExitStack() as files:
        if common.output is not None and not distributed.world()[0]:
            files.enter_context(locked(common.output.absolute()))
        whole = files.enter_context(_collected(context, contents, source, common))
        if asked.soft is not None:
            specs = whole.corpus.examples.specs
            contents |= {"soft": soft.filled(context, contents["soft"], specs), "streams": specs}
        held = None
        if dev is not None:
            held = files.enter_context(_collected(context, contents, dev, None))
        if not distributed.world()[0]:
            _tell_instructed(context, asked, [part for part in (whole, held) if part])
        contents = _labelled(contents, whole, asked)
        fitter = Fitter(context, asked, contents, chosen, place)
        parts = [part.corpus.examples for part in (whole, held) if part]
        fitter.place = replace(place, run=fitting.identity(fitter, parts))
        reports = Epochs(max(1, round(chosen.epochs)), files.enter_context(opened(common.log)))
        heads = [whole.corpus.head(fitter.spec)]
        cells = run.cells_of(context, common, heads, whole.corpus.examples) if common.cv else []
        fitter.fits = common.seeds * (len(cells) + (common.output is not None))
        if cells and emit:
            emit(results.out_of_fold(fitter, whole, cells, reports, common.seeds))
        written = None
        if common.output is not None:
            written = _written(context, common, fitter, (whole, held), reports)
    distributed.finish()
    return written


def _require_unsaid(common: Common) -> None:
    """Raise UsageError for flags that say nothing to a language model."""
    said = {
        "--target": common.target != "emotion",
        "--streams (--soft names them)": bool(common.streams),
        "[model], --hidden": bool(common.config),
    }
    for flag, is_said in said.items():
        if is_said:
            hint = "--template says what is learned, --prosody what is told of the voice"
            raise UsageError(f"{flag} with --model language", hint=hint)


def _require_voice(asked: Request, contents: Record) -> None:
    """Raise UsageError for thoughts that would cite levels that the prompt does not tell."""
    if asked.rationale == TEMPLATED and contents["prosody"] == NONE:
        hint = "--prosody summary, terse or full tells it"
        raise UsageError("--rationale template cites the voice, which is not told", hint=hint)


def _written(
    context: Context,
    common: Common,
    fitter: Fitter,
    parts: tuple[Part, Part | None],
    reports: Epochs,
) -> Bundle | None:
    assert common.output is not None
    if done := finishing.finished(context, common.output, fitter.place, common.seeds):
        return done
    written = results.fitted(fitter, parts, reports, common.seeds, common.output)
    if written is None:
        return None
    finishing.clean(fitter.place)
    if not context.quiet:
        about = written.contents
        held = f"held out: {summary(about['metrics'])} on {about['metrics']['dev_records']}"
        records = trained_on(about["training"])
        text = f"{records}, step {about['training']['step']}, {held}"
        context.say("train", f"{text} -> {common.output}")
    return written


def begun(asked: Request) -> Record:
    """Return the contents of the bundle before it is trained; labels may still be missing."""
    if asked.start is not None:
        return _of_start(asked)
    made = language.zero_shot(
        language.lasting(str(asked.backbone)),
        asked.template or TEMPLATE,
        labels=asked.labels,
        context=asked.context or 0,
        prosody=asked.prosody or "none",
        decode=THINKING if asked.has_thought else CONSTRAINED,
        prior="none",  # what is more frequent is learned
    )
    streams = {"soft": soft.asked(asked.soft)} if asked.soft is not None else {}
    return {**made.contents, "name": "language", **streams}


def _of_start(asked: Request) -> Record:
    """Return the contents of the bundle that is trained further."""
    start = bundle.read(str(asked.start))
    if start.kind != LANGUAGE or not (language.require_adapter(start) or "soft" in start.contents):
        hint = "emocli train --model language --rationale template makes one"
        raise UsageError(f"--start {asked.start}: not a language model with an adapter", hint=hint)
    backbone = start.contents["backbone"]
    named = asked.backbone and language.lasting(asked.backbone)
    if named not in (None, language.lasting(backbone["name"])):
        message = f"--backbone {asked.backbone}: --start {asked.start} is of {backbone['name']}"
        raise UsageError(message, hint="leave it out")
    if asked.objective == GRPO and start.contents["decode"] == CONSTRAINED:
        hint = "train it with --objective sft --rationale template first"
        raise UsageError(f"--start {asked.start}: it gives no thoughts to reward", hint=hint)
    rest = ("training", "metrics", "calibration", "calibrated_on", "adapter")
    return {k: v for k, v in start.contents.items() if k not in rest}


def _tell_instructed(context: Context, asked: Request, parts: Sequence[Part]) -> None:
    """Say how records of `instruct` are learned."""
    for part in parts:
        rewarded = asked.objective == GRPO
        if text := part.corpus.instructed.told(rewarded=rewarded, thinking=asked.has_thought):
            context.say("train", text)


def _labelled(contents: Record, whole: Part, asked: Request) -> Record:
    """Return the contents with the labels of the records, unless others are asked for."""
    if "labels" not in contents or asked.labels is not None or asked.start is not None:
        return contents
    (head,) = whole.corpus.examples.targets.heads()
    if len(head.labels) == 1:
        raise UsageError(f"all records have one label, {head.labels[0]}")
    return {**contents, "labels": list(head.labels)}


@contextlib.contextmanager
def _collected(
    context: Context, contents: Record, source: Iterable[Record], common: Common | None
) -> Iterator[Part]:
    """Give the labelled records with what the prompts need, and tell of those left out."""
    trained = Bundle(bundle.DEFAULT, contents)
    spec = language.spec(trained)
    work: Any = pipeline.windowed(
        bringing.stage(context, Bundle(bundle.DEFAULT, contents), spec),
        predict.window(context, Bundle(bundle.DEFAULT, contents)),
    )
    fields = common.fields if common else ()
    with contextlib.closing(Examples([spec.target], fields)) as examples:
        streams = soft.streams(contents["soft"]) if "soft" in contents else []
        corpus = corpora.collect(
            work(iter(source)),
            examples,
            tests=bool(common and common.cv),
            streams=streams,
            store=context.store,
        )
        if (skipped := counts(examples)) and not distributed.world()[0]:
            context.say("train", skipped)
        yield Part(corpus, range(len(corpus)))
