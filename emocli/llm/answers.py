"""Read the answer of a language model: `<think>THOUGHT</think><answer>LABEL</answer>`, strictly.

The form is that of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270): one thought,
then one answer, nothing else. Our choices: blanks around the blocks, and case and punctuation
around the label, do not matter; a thought has at most 120 words (the length from which
Emotion-LLaMAv2, https://arxiv.org/abs/2601.16449, does without a description); a thought that
repeats the question is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

AROUND = " \t\r\n.,;:!?\"'`*()[]“”‘’"  # characters around a label
LONGEST = 120  # words of a thought
RUN = 8  # words in a row that stand in the question as well: repeated (our choice)

THINK, ANSWER = "think", "answer"
# Why an answer is not valid, in the order in which it is looked for.
PROBLEMS = (
    "empty",
    "no thought",
    "no answer",
    "two thoughts",
    "two answers",
    "a block is not closed",
    "blocks inside each other",
    "answer before thought",
    "text outside the blocks",
    "empty thought",
    "empty answer",
    "unknown label",
    "thought too long",
    "thought repeats the question",
)


class Answer(NamedTuple):
    """A thought and a label, each None if it cannot be told, and the first problem, None if valid.

    The label is spelt as in the list of labels.
    """

    thought: str | None
    label: str | None
    problem: str | None


def parse(completion: str, labels: Sequence[str] = (), question: str = "") -> Answer:
    """Return thought, label and problem of a completion.

    Without `labels` any answer is a label. `question` is the text that a thought must not repeat:
    role, labels and format, but not the description of the voice, which it should cite.

    >>> parse("<think>Pitch is high.</think><answer>Joy.</answer>", ["anger", "joy"])
    Answer(thought='Pitch is high.', label='joy', problem=None)
    >>> parse("joy", ["anger", "joy"]).problem
    'no thought'
    """
    thought, answer = (_block(completion, name) for name in (THINK, ANSWER))
    label = None if answer is None else label_of(answer, labels)
    thought = thought or None
    problem = (
        _shape(completion) or _content(thought, answer, label) or _length(thought, labels, question)
    )
    return Answer(thought, label, problem)


def label_of(text: str, labels: Sequence[str] = ()) -> str | None:
    """Return the label that a text is but for case and punctuation, as it is spelt in `labels`.

    >>> label_of(" JOY! ", ["joy"]), label_of("joy or anger", ["joy", "anger"])
    ('joy', None)
    """
    word = " ".join(text.strip(AROUND).split())
    if not labels:
        return word or None
    return next((label for label in labels if label.casefold() == word.casefold()), None)


def _block(completion: str, name: str) -> str | None:
    """Return what stands in a block, None if there is not exactly one that opens and closes."""
    opening, closing = f"<{name}>", f"</{name}>"
    if completion.count(opening) != 1 or completion.count(closing) != 1:
        return None
    _, _, rest = completion.partition(opening)
    inside, closed, _ = rest.partition(closing)
    return inside.strip() if closed else None


def _shape(completion: str) -> str | None:
    """Return what is wrong with the tags and with what stands outside of them."""
    if not completion.strip():
        return "empty"
    tags = re.findall(rf"<(/?)({THINK}|{ANSWER})>", completion)
    opened = [name for slash, name in tags if not slash]
    for problem, times in (("no", 0), ("two", 2)):
        for name, noun in ((THINK, "thought"), (ANSWER, "answer")):
            count = opened.count(name)
            if count == times or (times and count > 1):
                return f"{problem} {noun}{'s' if times else ''}"
    order = [f"{slash}{name}" for slash, name in tags]
    if sorted(order) != ["/answer", "/think", "answer", "think"]:
        return "a block is not closed"
    if order == ["answer", "/answer", "think", "/think"]:
        return "answer before thought"
    if order != ["think", "/think", "answer", "/answer"]:
        return "blocks inside each other"
    outside = re.sub(rf"<({THINK}|{ANSWER})>.*?</\1>", "", completion, flags=re.DOTALL)
    return "text outside the blocks" if outside.strip() else None


def _content(thought: str | None, answer: str | None, label: str | None) -> str | None:
    if not thought or not words(thought):
        return "empty thought"
    if not answer:
        return "empty answer"
    return "unknown label" if label is None else None


def _length(thought: str | None, labels: Sequence[str], question: str) -> str | None:
    """Return what is wrong with the words of a thought."""
    spoken = words(thought or "")
    if len(spoken) > LONGEST:
        return "thought too long"
    listed = words(" ".join(labels)) if len(labels) > 2 else []
    asked = words(question)
    repeats = (listed and _within(listed, spoken)) or any(
        _within(asked[i : i + RUN], spoken) for i in range(len(asked) - RUN + 1)
    )
    return "thought repeats the question" if repeats else None


def words(text: str) -> list[str]:
    """Return the words of a text, without case and punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.casefold())


def _within(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Say whether some words stand in others, in a row."""
    size = len(part)
    return any(list(whole[i : i + size]) == list(part) for i in range(len(whole) - size + 1))
