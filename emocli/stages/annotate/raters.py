"""N raters to a record: each has its persona, temperature and seed, and gives one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from emocli.errors import RecordError
from emocli.llm import personas
from emocli.records import Record


@dataclass(frozen=True)
class Question:
    """What one rater is asked about one record."""

    persona: personas.Persona
    temperature: float
    seed: int
    prompt: str
    labels: list[str]


@dataclass(frozen=True)
class Answer:
    """What came back: the raw words, and the cost where it is known."""

    raw: str
    cost: dict[str, Any] = field(default_factory=dict)


class Annotator(Protocol):
    """Something that answers questions about records; it sees no label and no other's answer."""

    prompted: bool  # whether it reads the prompt at all

    def name(self, record: Record) -> str:
        """Return what `annotations` call it, its revision included."""

    def labels(self, record: Record) -> list[str]:
        """Return what it may answer."""

    def ask(self, record: Record, question: Question) -> Answer:
        """Return the answer of one rater; raise RecordError where there is none."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass
class Panel:
    """How many raters there are to a record, and what became of their answers."""

    n: int
    seed: int
    answers: int = 0
    dropped: int = 0

    def text(self) -> str:
        """Return a line for people."""
        return f"{self.dropped} of {self.answers} answers named no label and were dropped"


def missing(record: Record, annotator: Annotator, n: int) -> list[int]:
    """Return which of the raters 0 ... n-1 this annotator has not been for a record yet."""
    name = annotator.name(record)
    there = {a.get("rater") for a in _annotations(record) if a.get("annotator") == name}
    return [rater for rater in range(n) if rater not in there]


def work(annotator: Annotator, panel: Panel) -> Callable[[Record], Record]:
    """Return the function that adds a panel's answers to a record's `annotations`."""

    def annotate(record: Record) -> Record:
        for rater in missing(record, annotator, panel.n):
            found = _annotation(record, annotator, rater, panel.seed)
            record["annotations"] = [*_annotations(record), found]
            panel.answers += 1
            panel.dropped += found["label"] is None
        if panel.n and not any(a.get("label") for a in _annotations(record)):
            raise _nothing(record, annotator.labels(record))
        return record

    return annotate


def _annotation(record: Record, annotator: Annotator, rater: int, seed: int) -> Record:
    who, labels = personas.persona(rater), annotator.labels(record)
    question = Question(
        persona=who,
        temperature=personas.temperature(rater),
        seed=_seed(record, rater, seed),
        prompt=_prompt(record, who, labels) if annotator.prompted else "",
        labels=labels,
    )
    answer = annotator.ask(record, question)
    return {
        "annotator": annotator.name(record),
        "rater": rater,
        "persona": who.name,
        "temperature": question.temperature,
        "seed": question.seed,
        **({"prompt": question.prompt} if annotator.prompted else {}),
        "raw": answer.raw,
        "label": personas.parse(answer.raw, labels),
        **({"cost": answer.cost} if answer.cost else {}),
    }


def _prompt(record: Record, who: personas.Persona, labels: list[str]) -> str:
    text, speaker = (
        value if isinstance(value := record.get(name), str) else None
        for name in ("text", "speaker")
    )
    return personas.prompt(who.focus, labels, text, speaker)


def _seed(record: Record, rater: int, seed: int) -> int:
    """Return a seed of 32 bits that depends on the record's id: no batch, no order."""
    text = f"{seed}/{rater}/{record.get('id')}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())


def _annotations(record: Record) -> list[Record]:
    found = record.get("annotations") or []
    if not isinstance(found, list) or not all(isinstance(a, dict) for a in found):
        raise RecordError("bad_annotations", f"annotations is no list of objects: {found!r:.80}")
    return found


def _nothing(record: Record, labels: list[str]) -> RecordError:
    raw = str(_annotations(record)[-1].get("raw"))
    return RecordError(
        "no_label",
        f"no answer names a label; the last was {raw!r:.80}",
        hint=f"an answer must contain one of {', '.join(labels)} (--labels names others)",
    )
