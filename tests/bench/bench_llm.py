"""Language models: 7 labels in one pass against one at a time, a shared prefix, and predict --llm.

The model is SmolLM2-135M-Instruct (emocli models pull smollm2-135m-instruct), in float32.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from emocli import hub
from emocli.bundles import language
from emocli.encoders import causal_language_model
from emocli.llm import candidates, scoring
from emocli.llm.language_model import LanguageModel
from emocli.llm.scoring import Scorer
from emocli.pipeline.context import Context
from emocli.records.labels import EMOTIONS
from emocli.stages import predict

MODEL = "smollm2-135m-instruct"
PROMPTS = 16
LENGTH = 300  # tokens of a prompt
SHARED = 240  # of which the first 80 % are the same
BATCHES = 10  # of a short run, in which the prefix is computed once
SHORT = 1000  # records
RUNS = 3
ONE_PASS_BAR = 6.0
PREFIX_BAR = 4.0
FORWARD_BAR = 1.2
WORDS = "I you we they never always saw went home work and then but really so late again"


def run() -> list[dict[str, Any]]:
    """Return a row for labels in one pass, for the prefix, and for 1,000 short records."""
    model = LanguageModel(*causal_language_model.load(hub.resolve(MODEL)))
    return [*_scoring(model), _command()]


def _scoring(model: LanguageModel) -> list[dict[str, Any]]:
    listed = candidates.of(EMOTIONS, model.tokens, before="Emotion: ", ending=model.ends)
    draws = random.Random(0)

    def drawn(count: int) -> list[int]:
        return [draws.randrange(100, 40_000) for _ in range(count)]

    beginning = drawn(SHARED)
    prompts = [beginning + drawn(LENGTH - SHARED) for _ in range(PROMPTS)]

    def one_at_a_time() -> None:
        for row in listed.rows:
            scoring.one_by_one(model, [*prompts[0], *listed.stem], [row])

    def in_one_pass() -> None:
        Scorer(model, listed)(prompts)

    remembering = Scorer(model, listed)
    steps = (
        one_at_a_time,
        in_one_pass,
        lambda: remembering.remember(prompts),
        lambda: remembering(prompts),
    )
    one_at_a_time()
    timed = [[_cpu_s(step) for step in steps] for _ in range(RUNS)]
    singly, together, once, after = (statistics.median(c) for c in zip(*timed, strict=True))
    prefixed = after + once / BATCHES
    rows = [
        ("7 labels after 300 tokens", together / PROMPTS, "one label at a time", singly),
        (
            "... of which 240 are shared",
            prefixed / PROMPTS,
            "without the prefix",
            together / PROMPTS,
        ),
    ]
    bars = (ONE_PASS_BAR, PREFIX_BAR)
    return [
        _row(name, value, peer, other, bar)
        for (name, value, peer, other), bar in zip(rows, bars, strict=True)
    ]


def _row(name: str, value: float, peer: str, other: float, bar: float) -> dict[str, Any]:
    ratio = other / value
    row = {"name": name, "value": value, "unit": "CPU s", "peer": peer, "peer_value": other}
    return {**row, "ratio": ratio, "bar": bar, "ok": ratio >= bar}


def _command() -> dict[str, Any]:
    """Return the row of `predict --llm`, loaded, against the time in the network's own passes."""
    draws = random.Random(1)
    records = [
        {"id": str(i), "text": " ".join(draws.choices(WORDS.split(), k=draws.randint(2, 15)))}
        for i in range(SHORT)
    ]
    context = Context(device="cpu")
    trained = language.zero_shot(MODEL, "emotion")
    work = predict.stage(context, trained)
    list(work(iter(records[:2])))  # loads
    inside = 0.0

    def timed(forward: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal inside
            started = time.process_time()
            try:
                return forward(*arguments, **options)
            finally:
                inside += time.process_time() - started

        return call

    import transformers

    kind = transformers.LlamaForCausalLM
    plain = kind.__call__
    kind.__call__ = timed(plain)
    try:
        seconds = _cpu_s(lambda: list(work(iter(records))))
    finally:
        kind.__call__ = plain
    ratio = seconds / inside
    return {
        "name": f"predict --llm, {SHORT} short records",
        "value": seconds,
        "unit": "CPU s",
        "peer": "the network's own passes",
        "peer_value": inside,
        "ratio": ratio,
        "bar": FORWARD_BAR,
        "ok": ratio <= FORWARD_BAR,
    }


def _cpu_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
