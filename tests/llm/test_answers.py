"""Completions written by hand, cheats among them: what the parser says of each."""

from __future__ import annotations

import pytest

from emocli.llm import answers
from emocli.llm.answers import Answer, parse

LABELS = ["neutral", "joy", "anger"]
QUESTION = "You judge how a speaker feels. Answer with one of these words: neutral, joy, anger."
GOOD = "<think>Pitch is high.</think><answer>joy</answer>"


@pytest.mark.parametrize(
    "completion",
    [
        GOOD,
        f"\n {GOOD} \n",
        "<think>Pitch is high.</think>\n\n<answer>\n joy \n</answer>",
        "<think>Pitch is high.</think><answer>Joy.</answer>",
        '<think>Pitch is high.</think><answer>"JOY!"</answer>',
        "<think>Pitch\nis high.\n</think><answer>**joy**</answer>",
    ],
)
def test_case_punctuation_and_blanks_do_not_matter(completion: str) -> None:
    answer = parse(completion, LABELS, QUESTION)
    assert (answer.label, answer.problem) == ("joy", None)
    assert answer.thought is not None
    assert answer.thought.split() == ["Pitch", "is", "high."]


CHEATS = {
    "": "empty",
    " \n": "empty",
    "joy": "no thought",
    "<answer>joy</answer>": "no thought",
    "<think>Pitch is high.</think>": "no answer",
    "<think>Pitch is high.</think>joy": "no answer",
    "<think>a b</think><think>c d</think><answer>joy</answer>": "two thoughts",
    "<think>a b</think><answer>joy</answer><answer>anger</answer>": "two answers",
    "<think>a <answer>anger</answer> b</think><answer>joy</answer>": "two answers",
    "<think>Pitch is high.<answer>joy</answer>": "a block is not closed",
    "<think>Pitch is high.</think><answer>joy": "a block is not closed",
    "<think>Pitch is high.</think></think><answer>joy</answer>": "a block is not closed",
    "<think>Pitch <answer>joy</answer> is high.</think>": "blocks inside each other",
    "<answer>joy</answer><think>Pitch is high.</think>": "answer before thought",
    f"{GOOD} joy": "text outside the blocks",
    f"The answer is joy. {GOOD}": "text outside the blocks",
    "<think>Pitch is high.</think>or<answer>joy</answer>": "text outside the blocks",
    "<think></think><answer>joy</answer>": "empty thought",
    "<think> ... </think><answer>joy</answer>": "empty thought",
    "<think>Pitch is high.</think><answer></answer>": "empty answer",
    "<think>Pitch is high.</think><answer>joy or anger</answer>": "unknown label",
    "<think>Pitch is high.</think><answer>not joy</answer>": "unknown label",
    "<think>Pitch is high.</think><answer>happy</answer>": "unknown label",
    "<think>Pitch is high.</think><answer>...</answer>": "unknown label",
    f"<think>{'high ' * 121}</think><answer>joy</answer>": "thought too long",
    f"<think>{QUESTION}</think><answer>joy</answer>": "thought repeats the question",
    "<think>It is one of neutral, joy, anger.</think><answer>joy</answer>": (
        "thought repeats the question"
    ),
    "<THINK>Pitch is high.</THINK><ANSWER>joy</ANSWER>": "no thought",
}


@pytest.mark.parametrize(("completion", "problem"), CHEATS.items())
def test_each_cheat_has_its_reason(completion: str, problem: str) -> None:
    assert parse(completion, LABELS, QUESTION).problem == problem


def test_every_reason_is_listed_and_occurs() -> None:
    assert set(CHEATS.values()) == set(answers.PROBLEMS)


def test_what_is_certain_is_kept_beside_a_problem() -> None:
    assert parse(f"So: {GOOD}", LABELS) == Answer(
        "Pitch is high.", "joy", "text outside the blocks"
    )
    two = parse("<think>a b</think><answer>joy</answer><answer>joy</answer>", LABELS)
    assert two == Answer("a b", None, "two answers")


def test_a_description_may_be_cited_and_a_question_may_not() -> None:
    said = "Pitch is high with low variation, loudness varies much, tempo is very fast."
    thought = f"<think>{said}</think><answer>joy</answer>"
    assert parse(thought, LABELS, QUESTION).problem is None
    assert parse(thought, LABELS, f"{QUESTION} {said}").problem == "thought repeats the question"


def test_labels_that_are_prefixes_of_each_other_are_told_apart() -> None:
    labels = ["sad", "sadness", "very sad"]
    for label in labels:
        assert parse(f"<think>x y</think><answer>{label}</answer>", labels).label == label


def test_without_labels_any_answer_is_one() -> None:
    assert parse("<think>x</think><answer> Quiet  despair. </answer>") == Answer(
        "x", "Quiet despair", None
    )
