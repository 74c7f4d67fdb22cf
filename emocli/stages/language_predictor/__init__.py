"""Predict with a language model: a prompt for each record, and its answer.

The record gets what the prompt needs and it lacks: a transcript, and prosody in words where the
voice is to be described.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from emocli import pipeline
from emocli.bundles import language
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.io import messages
from emocli.llm.prompts import CONSTRAINED, GREEDY, THINKING
from emocli.pipeline import live, windows
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record
from emocli.records.modality import cost
from emocli.stages.language_predictor import asking, bringing
from emocli.stages.language_predictor.answering import Answerer

BATCH = 16
BUDGET = 40_000.0  # characters of the prompts of a batch: about 10,000 tokens; our choice
# The work of an answer, beside that of a sentence encoder: windows of some seconds (our choice).
COST = {CONSTRAINED: 4.0, GREEDY: 32.0, THINKING: 32.0}


def stage(
    context: Context,
    trained: Bundle,
    *,
    strict: bool = False,
    abstain: float = 0.0,
    show_prompt: bool = False,
) -> pipeline.Stage:
    """Return the stage that adds `prediction` by asking a language model.

    `strict` makes a record without a voice an error where its description is asked for; below the
    confidence `abstain` no emotion is named. With `show_prompt` the first prompt goes to stderr,
    and every record keeps its own. Raises ConfigError for a predictor that is not whole.
    """
    spec = language.spec(trained)
    shown: list[str] = []

    @functools.cache
    def answerer() -> Answerer:
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
        size=context.batch(BATCH),
        length=functools.partial(asking.length, spec=spec),
        budget=BUDGET,
    )
    return pipeline.chain(bringing.stage(context, spec, strict=strict), run)


def _problems(found: Record) -> Iterator[str]:
    """Yield why an answer could not be read, if it could not."""
    if (found.get("warnings") or {}).get("answer"):
        yield found["warnings"]["answer"].partition(":")[0]


def window(context: Context, trained: Bundle) -> Window:
    """Return the window of records that are processed together, by their remaining work."""
    spec = language.spec(trained)
    return windows.of(context.batch(BATCH), functools.partial(_work, spec))


def _work(spec: Spec, record: Record) -> float:
    wanted: list[str] = ["text"] if record.get("text") is None else []
    wanted += ["audio"] if bringing.lacks_voice(record, spec) else []
    return max(COST[spec.decode], cost(record, wanted))


def turns(trained: Bundle) -> int:
    """Return how many preceding turns of a dialogue a record needs."""
    return language.spec(trained).context
