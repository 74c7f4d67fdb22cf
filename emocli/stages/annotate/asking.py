"""What a rater is asked, what it answers, and what every annotator can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from emocli.llm import personas
from emocli.records import Record


@dataclass(frozen=True)
class Question:
    """A question to one rater about one record."""

    persona: personas.Persona
    temperature: float
    seed: int
    prompt: str
    labels: list[str]


@dataclass(frozen=True)
class Answer:
    """An answer: the raw text, its cost in tokens if known, and the time it took.

    The time is in the record beside the tokens of a model; that of a program is only told.
    """

    raw: str
    cost: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


class Annotator(Protocol):
    """Answers questions about records; it sees no label and no answer of another annotator."""

    prompted: bool  # whether it reads the prompt
    deaf: bool  # whether it has to read how the voice sounds
    concurrency: int  # questions it takes at once

    def name(self, record: Record) -> str:
        """Return its name in `annotations`, with its revision."""

    def labels(self, record: Record) -> list[str]:
        """Return the labels that it may answer."""

    def ask(self, record: Record, question: Question) -> Answer:
        """Return the answer of one rater; raise RecordError if it gives none."""

    def close(self) -> None:
        """Release its resources."""
