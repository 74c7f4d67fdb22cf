"""The answer to a task of `instruct` as the fields of a prediction that `score` compares."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emocli.llm import instructions
from emocli.llm.answers import label_of
from emocli.llm.instructions import CHOICE, NUMBER, SEVERAL, WORDS
from emocli.records import Record

POLARITY = ("negative", "neutral", "positive")
BETWEEN = re.compile(r"[;,]")  # labels of an answer in words


def is_several(task: str) -> bool:
    """Say whether the answer to a task is several labels of its list."""
    return task in instructions.names() and instructions.task(task).kind == SEVERAL


def fields(task: str, labels: Sequence[str], prediction: Record) -> Record:
    """Return the fields that the answer to a task has beside `answer`, {} for a description.

    One label is emotion, polarity or intent, several are multi, a number is valence; null or none
    where the answer does not say it.
    """
    if task not in instructions.names():
        return {}
    asked, answer = instructions.task(task), str(prediction["answer"])
    if asked.kind == CHOICE:
        (first, *_) = asked.contents["fields"]
        if first == "polarity" or (asked.contents.get("sign_of") and set(labels) <= set(POLARITY)):
            return {"polarity": answer}
        return {first: answer}
    if asked.kind in (SEVERAL, WORDS):
        words = (label_of(part) for part in BETWEEN.split(answer))
        return {"multi": list(dict.fromkeys(word for word in words if word))}
    if asked.kind == NUMBER:
        return {asked.contents["fields"][0]: _number(answer)}
    return {}


def _number(text: str) -> float | None:
    found = re.search(r"-?\d+(?:\.\d+)?", text)
    return float(found.group()) if found else None
