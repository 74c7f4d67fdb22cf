"""N raters per record: each has its persona, temperature and seed, and gives one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from emocli.errors import RecordError
from emocli.llm import personas
from emocli.records import Record, label_reading


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

    The time is no part of the record: it differs from run to run.
    """

    raw: str
    cost: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Annotator(Protocol):
    """Answers questions about records; it sees no label and no answer of another annotator."""

    prompted: bool  # whether it reads the prompt

    def name(self, record: Record) -> str:
        """Return its name in `annotations`, with its revision."""

    def labels(self, record: Record) -> list[str]:
        """Return the labels that it may answer."""

    def ask(self, record: Record, question: Question) -> Answer:
        """Return the answer of one rater; raise RecordError if it gives none."""

    def close(self) -> None:
        """Release its resources."""


@dataclass
class Panel:
    """The number of raters per record, and the counts of their answers."""

    n: int
    seed: int
    answers: int = 0
    dropped: int = 0
    seconds: float = 0.0  # that the answers took

    def texts(self, *, quiet: bool) -> Iterator[str]:
        """Yield the lines of the summary for stderr; with `quiet` only warnings."""
        if self.seconds and not quiet:
            yield f"{self.answers} answers, {self.seconds / self.answers:.3g} s each"
        if self.dropped:
            yield f"{self.dropped} of {self.answers} answers named no label and were dropped"


def missing(record: Record, annotator: Annotator, n: int) -> list[int]:
    """Return which of the raters 0 ... n-1 have not annotated a record yet."""
    name = annotator.name(record)
    done = {a.get("rater") for a in label_reading.answers(record) if a.get("annotator") == name}
    return [rater for rater in range(n) if rater not in done]


def work(annotator: Annotator, panel: Panel) -> Callable[[Record], Record]:
    """Return the function that adds a panel's answers to a record's `annotations`."""

    def annotate(record: Record) -> Record:
        for rater in missing(record, annotator, panel.n):
            annotation, seconds = _annotation(record, annotator, rater, panel.seed)
            record["annotations"] = [*label_reading.answers(record), annotation]
            panel.answers += 1
            panel.seconds += seconds
            panel.dropped += annotation["label"] is None
        if panel.n and not label_reading.annotated(record):
            raise _no_label(record, annotator.labels(record))
        return record

    return annotate


def _annotation(
    record: Record, annotator: Annotator, rater: int, seed: int
) -> tuple[Record, float]:
    """Return the annotation of one rater, and the seconds it took."""
    persona, labels = personas.persona(rater), annotator.labels(record)
    question = Question(
        persona=persona,
        temperature=personas.temperature(rater),
        seed=_seed(record, rater, seed),
        prompt=_prompt(record, persona, labels) if annotator.prompted else "",
        labels=labels,
    )
    answer = annotator.ask(record, question)
    annotation = {
        "annotator": annotator.name(record),
        "rater": rater,
        "persona": persona.name,
        "temperature": question.temperature,
        "seed": question.seed,
        **({"prompt": question.prompt} if annotator.prompted else {}),
        "raw": answer.raw,
        "label": personas.parse(answer.raw, labels),
        **({"cost": answer.cost} if answer.cost else {}),
    }
    return annotation, answer.seconds


def _prompt(record: Record, persona: personas.Persona, labels: list[str]) -> str:
    text, speaker = (
        value if isinstance(value := record.get(name), str) else None
        for name in ("text", "speaker")
    )
    return personas.prompt(persona.focus, labels, text, speaker)


def _seed(record: Record, rater: int, seed: int) -> int:
    """Return a seed of 32 bits that depends on the record's id, not on batch or order."""
    text = f"{seed}/{rater}/{record.get('id')}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())


def _no_label(record: Record, labels: list[str]) -> RecordError:
    raw = str(label_reading.answers(record)[-1].get("raw"))
    return RecordError(
        "no_label",
        f"no answer contains a label; the last was {raw!r:.80}",
        hint=f"an answer must contain one of {', '.join(labels)} (--labels names others)",
    )
