"""What an answer in words predicts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from emocli.bundles.language import Spec
from emocli.llm import answers
from emocli.llm.prompts import CONSTRAINED
from emocli.records import Record

LIMIT = 16  # tokens of an answer of one label: "Emotion: surprise" has six at most; our choice
SHOWN = 200  # characters of an answer that could not be read
THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)  # of a model that always thinks


def prediction(text: str, spec: Spec, numbers: Mapping[str, float]) -> Record:
    """Return the prediction of a thought and an answer, with a warning if it names no label."""
    numbers = _spelt(numbers)
    found = answers.parse(text, spec.labels or list(numbers))
    predicted = _named(found.label, spec, numbers)
    predicted["explanation"] = found.thought or text.strip()
    if found.problem:
        predicted["warnings"] = {"answer": f"{found.problem}: {text[:SHOWN]!r}"}
    return predicted


def word(text: str, spec: Spec, numbers: Mapping[str, float]) -> Record:
    """Return the prediction of an answer that is one label, with or without what stands around it.

    Anything else is a warning, and no prediction: a label within a sentence may be denied there.
    """
    before, after = (part.strip() for part in spec.template.around(CONSTRAINED))
    said = THOUGHT.sub("", text).strip()
    for around, cut in ((before, str.removeprefix), (after, str.removesuffix)):
        if around:
            said = cut(said, around).strip()
    numbers = _spelt(numbers)
    label = answers.label_of(said, spec.labels or list(numbers))
    predicted = _named(label, spec, numbers)
    if label is None:
        problem = "unknown label" if said else "empty"
        predicted["warnings"] = {"answer": f"{problem}: {text[:SHOWN]!r}"}
    return predicted


def _spelt(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return numbers in every spelling: a model is asked for +2.0 and may say 2."""
    spellings = "{:g}", "{:+g}", "{:.1f}"
    others = {s.format(value): value for value in numbers.values() for s in spellings}
    return {**others, **numbers}


def _named(label: str | None, spec: Spec, numbers: Mapping[str, float]) -> Record:
    if numbers:
        found: Record = {} if label is None else {spec.target: numbers[label]}
        return {"emotion": None, **found}
    return {"emotion": label}
