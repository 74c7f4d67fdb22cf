"""Answers to the tasks of `instruct` stand where `score` looks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emocli.llm import instructions
from emocli.stages.language_predictor import scorable
from tests.commands.test_instruct_mmeverse import clip
from tests.conftest import Emocli

Record = dict[str, Any]
SIGNS = ["negative", "neutral", "positive"]
FIGURES = {  # of a set: the task that asks for it, its labels, a right answer, a wrong one, figure
    "mer2023": ("emotion", ["happy", "worried"], "worried", "happy", "hit_rate"),
    "mosi": ("sentiment", SIGNS, "negative", "positive", "accuracy"),
    "caer": ("think", ["happy", "sad"], "sad", "happy", "accuracy"),
    "mafw-m": ("multi", ["anger", "sadness"], "Anger, sadness.", "fear", "micro_f1"),
    "mc-eiu-i": ("intent", ["wishing", "agreeing"], "wishing", "agreeing", "accuracy"),
}
LABELS = {
    "mer2023": {"emotion": None, "original": "worried"},
    "mosi": {"polarity": "negative"},
    "caer": {"emotion": "sadness", "original": "sad"},
    "mafw-m": {"emotion": None, "multi_original": ["anger", "sadness"]},
    "mc-eiu-i": {"intent": "wishing"},
}


@pytest.mark.parametrize(
    ("task", "labels", "answer", "expected"),
    [
        ("emotion", ["joy"], "joy", {"emotion": "joy"}),
        ("explanation", ["joy"], "joy", {"emotion": "joy"}),
        ("think", SIGNS, "positive", {"polarity": "positive"}),
        ("think", ["joy", "anger"], "joy", {"emotion": "joy"}),
        ("sentiment", SIGNS[::2], "negative", {"polarity": "negative"}),
        ("intent", ["wishing"], "wishing", {"intent": "wishing"}),
        ("multi", [], "sad, 'Worried'; sad.", {"multi": ["sad", "Worried", "sad"]}),
        ("open", [], "uneasy, hopeful", {"multi": ["uneasy", "hopeful"]}),
        ("valence", [], "about -1.5.", {"valence": -1.5}),
        ("valence", [], "good", {"valence": None}),
        ("reason", [], "She frowns.", {}),
        ("audio", [], "A low voice.", {}),
        ("compare", ["the first"], "the first", {}),
    ],
)
def test_an_answer_becomes_what_its_task_asks_for(
    task: str, labels: list[str], answer: str, expected: Record
) -> None:
    found = scorable.fields(task, labels, {"answer": answer})
    if "multi" in expected:
        expected = {"multi": list(dict.fromkeys(expected["multi"]))}
    assert found == expected


def test_every_task_has_its_place() -> None:
    for name in instructions.names():
        task = instructions.task(name)
        found = scorable.fields(name, ["joy"], {"answer": "joy"})
        assert bool(found) == (task.kind != instructions.DESCRIPTION), name


@pytest.mark.parametrize("name", list(FIGURES))
def test_mmeverse_scores_answers(name: str, emocli: Emocli) -> None:
    task, labels, right, wrong, figure = FIGURES[name]
    corpus = name.removesuffix("-m").removesuffix("-i")
    split = "test1" if corpus == "mer2023" else "test"
    for answer, expected in ((right, 1.0), (wrong, 0.0)):
        prediction = {"answer": answer, **scorable.fields(task, labels, {"answer": answer})}
        record = clip(0, corpus=corpus, split=split, label=LABELS[name], prediction=prediction)
        record["instruction"] = {"task": task}
        scored = emocli("score", "--task", "mmeverse", "--bootstrap", "0", stdin=[record])
        assert scored.status == 0, scored.stderr
        assert json.loads(scored.stdout)[name][figure] == expected
