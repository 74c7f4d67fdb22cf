"""The shape of `label` in a record, and of `annotations`: what people and machines said."""

from __future__ import annotations

from typing import Any, TypedDict


class Annotation(TypedDict, total=False):
    """What one synthetic rater answered, and all it takes to ask again."""

    annotator: str  # a model and its revision, or the command
    rater: int  # from 0; decides persona, temperature and seed
    persona: str
    temperature: float
    seed: int
    prompt: str
    raw: str  # the answer as it came
    label: str | None  # None where the answer names no label; it counts nowhere then
    cost: dict[str, Any]  # seconds, prompt_tokens, answer_tokens: what is known of them


class Cause(TypedDict, total=False):
    """What caused the emotion of an utterance: a turn of its dialogue, or words of that turn."""

    turn: int
    text: str  # the words as they were said
    start: int  # or their place: the first word, from 0, where blanks stand between words
    end: int  # the word after the last
    emotion: str  # only of a prediction, where it is not the record's


class Merge(TypedDict, total=False):
    """How `distribution` came from the votes of people and of annotators."""

    rule: str  # count or shrinkage
    weight: float  # of a synthetic vote; a person's is 1
    human: int  # votes
    synthetic: int


class Label(TypedDict, total=False):
    """What people said: `emotion` is one of seven words, `original` the source's own."""

    emotion: str | None
    original: str
    multi: list[str]
    causes: list[Cause]
    votes: dict[str, int]
    votes_by_modality: dict[str, dict[str, int]]  # of those who heard, saw, or both
    votes_by_source: dict[str, dict[str, int]]  # human, which `votes` stays; synthetic
    distribution: dict[str, float]
    merged: Merge  # where `distribution` is not of people's votes alone
    blend: dict[str, float]  # per cent, adding to 100
    ratings: dict[str, list[float]]  # valence, arousal, dominance: what each rater said
    valence: float
    arousal: float
    dominance: float
    sentiment: float
    polarity: str
    intent: str
