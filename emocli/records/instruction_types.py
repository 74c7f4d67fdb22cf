"""The type of `instruction`: what a language model is asked about an utterance, and the answer."""

from __future__ import annotations

from typing import TypedDict


class Message(TypedDict, total=False):
    """One turn of a conversation with a language model."""

    role: str  # system, user or assistant
    content: str


class Made(TypedDict, total=False):
    """What decides an instruction beside the record."""

    pool: str  # digest of the wordings of the task
    wording: int  # which of them
    seed: int
    epoch: int
    without: list[str]  # labels that were left out of those to choose from
    described_by: str  # the machine that wrote the description that is learned
    instead_of: str  # the task that was drawn, where a record has no description for it
    curriculum: str  # the curriculum by which the task was drawn


class Instruction(TypedDict, total=False):
    """A question about an utterance with its answer, to train a language model with."""

    task: str
    messages: list[Message]  # the answer is the last
    answer: str  # without the thought
    labels: list[str]  # to choose from; none for numbers and free words
    streams: list[str]  # features that go with the question
    rationale: str | None  # where the thought is from: template, or a field; None without one
    made: Made
