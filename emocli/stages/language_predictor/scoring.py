"""The log-probabilities of answers instead of predictions, to fit a prior and a calibration."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from emocli import pipeline
from emocli.errors import RecordError, UsageError
from emocli.llm.prompts import WRITTEN
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.language_predictor import BATCH, BUDGET, asking, bringing
from emocli.stages.language_predictor.answering import Answerer
from emocli.stages.language_predictor.asking import Prompt

Take = Callable[[Record, Any, Any], None]  # a record, its log-probabilities, its prior


def scored(context: Context, answerer: Answerer, take: Take) -> pipeline.Stage:
    """Return the stage that gives log-probabilities (answers,) and the prior to `take`.

    Records come out empty, and as errors where there is no answer. UsageError for a predictor whose
    answers have no probabilities.
    """
    spec = answerer.spec
    if spec.decode in WRITTEN:
        raise UsageError(
            f"--decode {spec.decode} has no probabilities: there is nothing to calibrate"
        )

    def score(batch: list[Record]) -> list[Record | Exception]:
        asked = [answerer.prompt(record) for record in batch]
        whole = [prompt for prompt in asked if isinstance(prompt, Prompt)]
        logs, _ = (
            answerer.choose.scores([p.tokens for p in whole], answerer.choose.soft(whole))
            if whole
            else ((), ())
        )
        rows = iter(logs)
        for record, prompt in zip(batch, asked, strict=True):
            if isinstance(prompt, Prompt):
                take(record, next(rows), answerer.choose.prior(asking.shape(prompt.utterance)))
        return [prompt if isinstance(prompt, RecordError) else {} for prompt in asked]

    batches = pipeline.batched(
        score,
        name="calibrate",
        size=context.batch(BATCH),
        length=functools.partial(asking.length, spec=spec),
        budget=BUDGET,
    )
    return pipeline.chain(bringing.stage(context, answerer.trained, spec), batches)
