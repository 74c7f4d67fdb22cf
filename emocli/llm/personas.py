"""Synthetic raters: each has a persona and a temperature, and answers one question with a label.

Zhang, Jin, Wang, Wei and Dang, "Scaling Ambiguity", ICASSP 2026, https://arxiv.org/abs/2601.14620,
and its code, https://github.com/WendaZhang08/scaling-ambiguity-SER: rater a = 0, 1, ... is told to
attend to one of five cues, by a mod 5; its temperature is drawn from one of five bands, by a mod
5, with a jitter of +-0.05, clipped to [0.1, 1] and seeded by a; the answer is exactly a label, or
else the first label contained in it, or else it is dropped.

Our choices: all wordings; which generator (Python's); that the first label is the one that begins
earliest, at the start of a word (so "unhappy" is not happy, and "joyful" is joy), the longer of two
that begin together; and the leans, which only raters that cannot follow instructions use (see
`emocli.llm.sampled`).
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

BANDS = ((0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.93))  # of rater a mod 5
JITTER = 0.05
COLDEST, HOTTEST = 0.1, 1.0
AROUND = " \t\r\n.,;:!?\"'`*()[]"  # characters around the label of an answer

DEAF = "You cannot hear the recording; you read what was said"
IN_WORDS = ", and how the voice sounds"
TASK = "You are one of several people who judge, each alone, how the speaker of a recording feels."


@dataclass(frozen=True)
class Persona:
    """What a rater attends to: in words, and as weights of the predictions of each modality."""

    name: str
    focus: str
    leans: Mapping[str, float] = field(default_factory=dict)


PERSONAS = (
    Persona("balanced", "Give the voice and the words the same weight."),
    Persona(
        "tone of voice",
        "Go by the tone of the voice above all: its pitch, loudness, pace and timbre.",
        {"audio": 1.0},
    ),
    Persona("wording", "Go by the words above all: what is said, and in which words.", {"text": 1}),
    Persona(
        "subtle vocal cues",
        "Go by the small things in the voice: a breath, a tremor, a pause, a catch in the throat.",
        {"audio": 0.5},
    ),
    Persona(
        "what and how",
        "Compare what is said with how it is said, and judge by both together.",
        {"audio": 0.5, "text": 0.5},
    ),
)


def persona(rater: int) -> Persona:
    """Return the persona of a rater; the five are used in turn."""
    return PERSONAS[rater % len(PERSONAS)]


@functools.cache
def temperature(rater: int) -> float:
    """Return a rater's temperature, in [0.1, 1], to three decimals; always the same."""
    draws = random.Random(rater)
    value = draws.uniform(*BANDS[rater % len(BANDS)]) + draws.uniform(-JITTER, JITTER)
    return round(min(max(value, COLDEST), HOTTEST), 3)


def prompt(
    focus: str,
    labels: Sequence[str],
    text: str | None = None,
    speaker: str | None = None,
    *,
    voice: str | None = None,
    hears: bool = True,
) -> str:
    """Return the question for one rater; the recording goes with it if he `hears`.

    If not, he is told so; `voice` is how it sounds in words.
    """
    lines = [TASK, focus]
    if not hears:
        lines.append(f"{DEAF}{IN_WORDS if voice else ''}.")
    if speaker:
        lines.append(f"Speaker: {speaker}")
    if text:
        lines.append(f'Transcript: "{text}"')
    if voice:
        lines.append(f"The voice: {voice}")
    lines.append(
        "Which one emotion stands out? Answer with exactly one of these words and nothing else: "
        + ", ".join(labels)
    )
    return "\n".join(lines)


def parse(raw: str, labels: Sequence[str]) -> str | None:
    """Return the label that an answer names, or None if it names none.

    >>> parse("Joy.", ["anger", "joy"]), parse("not unhappy", ["happy"])
    ('joy', None)
    >>> parse("It is sadness, not anger.", ["anger", "sadness"])
    'sadness'
    """
    answer = raw.strip(AROUND).casefold()
    for label in labels:
        if label.casefold() == answer:
            return label
    matches = []
    for label in labels:
        if match := re.search(rf"(?<!\w){re.escape(label.casefold())}", answer):
            matches.append((match.start(), -len(label), label))
    return min(matches)[2] if matches else None
