"""Predict with a language model: a prompt for each record, and its answer.

The record gets what the prompt needs and it lacks: a transcript, and prosody in words where the
voice is to be described.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from emocli import pipeline
from emocli.bundles import language
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.io import messages
from emocli.llm.prompts import CONSTRAINED, GREEDY, THINKING, WORD
from emocli.pipeline import live, windows
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record
from emocli.records.modality import cost
from emocli.stages import upstream
from emocli.stages.language_predictor import answering, asking, bringing
from emocli.stages.language_predictor.answering import Answerer
from emocli.stages.language_predictor.serving import ServedAnswerer
from emocli.stages.language_server import Served

BATCH = 16
SERVED_BATCH = 4096  # a window; a server is asked about its records several at a time
ROUNDS = 8  # of as many questions as there are at once, in a window; our choice
BUDGET = 40_000.0  # characters of the prompts of a batch: about 10,000 tokens; our choice
# The work of an answer, beside that of a sentence encoder: windows of some seconds (our choice).
COST = {CONSTRAINED: 4.0, GREEDY: 32.0, THINKING: 32.0, WORD: 8.0}


def stage(
    context: Context,
    trained: Bundle,
    *,
    strict: bool = False,
    abstain: float = 0.0,
    show_prompt: bool = False,
    served: Served | None = None,
) -> pipeline.Stage:
    """Return the stage that adds `prediction` by asking a language model, or one that is `served`.

    `strict` makes a record without a voice an error where its description is asked for; below the
    confidence `abstain` no emotion is named. With `show_prompt` the first prompt goes to stderr,
    and every record keeps its own. Raises ConfigError for a predictor that is not whole, ModelError
    for one whose model is not there.
    """
    spec = language.spec(trained)
    if not served:
        answering.require(spec.backbone, offline=context.offline)
    shown: list[str] = []

    @functools.cache
    def answerer() -> Answerer | ServedAnswerer:
        if served:
            return ServedAnswerer(served, spec)
        with live.during(f"loading {Path(spec.backbone).name}"):
            return Answerer(context, trained, spec, abstain)

    def predict(batch: list[Record]) -> list[Record | Exception]:
        return answerer()(batch, keep_prompts=show_prompt)

    def run(records: Iterator[Record]) -> Iterator[Record]:
        problems: Counter[str] = Counter()
        answered = 0
        for record in asked(records):
            found = record.get("prediction") if not record.get("error") else None
            if isinstance(found, dict):
                if show_prompt and not shown:
                    shown.append(found["prompt"])
                    context.say("predict", "the first prompt:")
                    messages.lines(context.stderr, found["prompt"])
                answered += 1
                problems.update(_problems(found))
            yield record
        if problems:
            listed = ", ".join(f"{what} {count}" for what, count in problems.most_common())
            total = sum(problems.values())
            context.say("predict", f"{total} of {answered} answers name no label: {listed}")

    asked = pipeline.batched(
        predict,
        name="predict",
        size=context.batch(SERVED_BATCH if served else BATCH),
        length=None if served else functools.partial(asking.length, spec=spec),
        budget=math.inf if served else BUDGET,
    )
    before = [upstream.stage(context, trained, lambda _: False)] if spec.soft else []
    return pipeline.chain(bringing.stage(context, trained, spec, strict=strict), *before, run)


def _problems(found: Record) -> Iterator[str]:
    """Yield why an answer could not be read, if it could not."""
    if (found.get("warnings") or {}).get("answer"):
        yield found["warnings"]["answer"].partition(":")[0]


def window(context: Context, trained: Bundle, served: Served | None = None) -> Window:
    """Return the window of records that are processed together, by their remaining work.

    Of a server it is eight rounds of questions, so that few wait for the last of a window.
    """
    spec = language.spec(trained)
    answer = windows.WORK / (ROUNDS * served.concurrency) if served else COST[spec.decode]
    return windows.of(context.batch(BATCH), functools.partial(_work, spec, answer))


def _work(spec: Spec, answer: float, record: Record) -> float:
    wanted: list[str] = ["text"] if record.get("text") is None else []
    wanted += ["audio"] if bringing.lacks_voice(record, spec) else []
    return max(answer, cost(record, wanted))


def turns(trained: Bundle) -> int:
    """Return how many preceding turns of a dialogue a record needs."""
    return language.spec(trained).context
