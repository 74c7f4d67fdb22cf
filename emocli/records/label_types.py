"""The types of `label` and `annotations`: labels, votes and ratings of people and of models."""

from __future__ import annotations

from typing import TypedDict

Shares = dict[str, float | None]  # by label; a null share is 0


class Annotation(TypedDict, total=False):
    """The answer of one synthetic rater, and everything needed to ask the question again."""

    annotator: str  # a model and its revision, or the command
    rater: int  # from 0; decides persona, temperature and seed
    persona: str
    temperature: float
    seed: int
    prompt: str
    raw: str  # the answer, unparsed
    label: str | None  # None if the answer names no label; it is then not counted
    cost: dict[str, float]  # prompt_tokens, answer_tokens, seconds, price, as far as known


class Cause(TypedDict, total=False):
    """A cause of the emotion of an utterance: a turn of its dialogue, or words of that turn."""

    turn: int
    text: str  # the words of the cause
    start: int  # or their position: index of the first word, from 0; blanks separate words
    end: int  # index of the word after the last
    emotion: str  # only in a prediction, if it differs from the record's emotion


class Merge(TypedDict, total=False):
    """How `distribution` was computed from the votes of people and of synthetic raters."""

    rule: str  # count or shrinkage
    weight: float  # of a synthetic vote; a person's is 1
    human: int  # votes
    synthetic: int


class Label(TypedDict, total=False):
    """The labels of an utterance: `emotion` is one of seven, `original` the word of the source."""

    emotion: str | None
    original: str
    multi: list[str]
    causes: list[Cause]
    votes: dict[str, int]
    votes_by_modality: dict[str, dict[str, int]]  # votes on audio, video, audio-video
    votes_by_source: dict[str, dict[str, int]]  # human (equal to `votes`), synthetic
    distribution: Shares
    merged: Merge  # absent if `distribution` is of people's votes only
    blend: Shares  # per cent, summing to 100
    ratings: dict[str, list[float]]  # valence, arousal, dominance: one value per rater
    valence: float
    arousal: float
    dominance: float
    sentiment: float
    sentiment_by_modality: dict[str, float]  # of text, audio, video alone
    polarity: str
    intent: str
