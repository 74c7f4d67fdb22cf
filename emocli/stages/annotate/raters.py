"""N raters per record: each has its persona, temperature and seed, and gives one answer."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from emocli.errors import RecordError
from emocli.llm import personas
from emocli.pipeline.threads import concurrently
from emocli.records import Record, failures, label_reading
from emocli.stages.annotate.asking import Annotator, Question
from emocli.stages.annotate.kept import Kept

TOKENS = ("prompt_tokens", "answer_tokens")
MILLION = 1e6  # tokens that a price is of

Outcome = tuple[Record, float] | RecordError


@dataclass
class Panel:
    """The number of raters per record, what their answers cost, and the counts of them.

    `prices` are those of a million tokens of a prompt and of an answer, None if nobody said them.
    """

    n: int
    seed: int
    kept: Kept = field(default_factory=Kept)
    prices: tuple[float, float] | None = None
    answers: int = 0
    dropped: int = 0
    seconds: float = 0.0  # that the answers took
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))

    def count(self, annotation: Record, seconds: float) -> None:
        """Count an answer."""
        self.answers += 1
        self.seconds += seconds
        self.dropped += annotation["label"] is None
        for name in TOKENS:
            self.tokens[name] += int(annotation.get("cost", {}).get(name, 0))

    def price(self, cost: Mapping[str, float]) -> dict[str, float]:
        """Return what an answer cost, in the currency of the prices."""
        if self.prices is None or not all(name in cost for name in TOKENS):
            return {}
        paid = sum(cost[name] * p for name, p in zip(TOKENS, self.prices, strict=True))
        return {"price": float(f"{paid / MILLION:.6g}")}

    def texts(self, *, quiet: bool) -> Iterator[str]:
        """Yield the lines of the summary for stderr; with `quiet` only warnings."""
        if self.seconds and not quiet:
            told = [f"{self.answers} answers, {self.seconds / self.answers:.3g} s each"]
            if any(self.tokens.values()):
                told.append("{prompt_tokens} tokens asked, {answer_tokens} answered")
            told += [f"price {paid:.4g}" for paid in self.price(self.tokens).values()]
            yield ", ".join(told).format(**self.tokens)
        if self.kept.taken and not quiet:
            yield f"{self.kept.taken} answers of the interrupted run were kept"
        if self.dropped:
            yield f"{self.dropped} of {self.answers} answers named no label and were dropped"


def missing(record: Record, annotator: Annotator, n: int) -> list[int]:
    """Return which of the raters 0 ... n-1 have not annotated a record yet."""
    name = annotator.name(record)
    done = {a.get("rater") for a in label_reading.answers(record) if a.get("annotator") == name}
    return [rater for rater in range(n) if rater not in done]


def work(
    annotator: Annotator, panel: Panel
) -> Callable[[list[Record]], Sequence[Record | Exception]]:
    """Return the function that adds a panel's answers to the `annotations` of records.

    The answers that came before an error are in its record all the same.
    """

    def annotate(batch: list[Record]) -> Sequence[Record | Exception]:
        asked = [(record, _missing(record, annotator, panel)) for record in batch]
        todo = [(record, rater) for record, raters in asked for rater in raters]
        ask = functools.partial(_annotation, annotator, panel, {})
        found = iter(concurrently(ask, todo, annotator.concurrency))
        return [_with(r, [next(found) for _ in raters], annotator, panel) for r, raters in asked]

    return annotate


def _with(
    record: Record, outcomes: list[Outcome], annotator: Annotator, panel: Panel
) -> Record | Exception:
    """Return a record with its answers, or the first error, as if they were asked in turn."""
    for outcome in outcomes:
        if isinstance(outcome, RecordError):
            return failures.without_frames(outcome)
        annotation, seconds = outcome
        record["annotations"] = [*label_reading.answers(record), annotation]
        panel.count(annotation, seconds)
    if panel.n and not label_reading.annotated(record):
        return _no_label(record, annotator.labels(record))
    return record


def _missing(record: Record, annotator: Annotator, panel: Panel) -> list[int]:
    return missing(record, annotator, panel.n)


def _annotation(
    annotator: Annotator, panel: Panel, failed: dict[int, RecordError], asked: tuple[Record, int]
) -> Outcome:
    """Return the annotation of one rater and the seconds it took, or why there is none.

    Once a question has failed, nothing more is asked about its record, which is lost anyway.
    """
    record, rater = asked
    if error := failed.get(id(record)):
        return error
    try:
        persona, labels = personas.persona(rater), annotator.labels(record)
        question = Question(
            persona=persona,
            temperature=personas.temperature(rater),
            seed=_seed(record, rater, panel.seed),
            prompt=_prompt(record, persona, labels, annotator) if annotator.prompted else "",
            labels=labels,
        )
        answer = panel.kept.answer(annotator, record, question)
    except RecordError as error:
        return failed.setdefault(id(record), error)
    cost = answer.cost | panel.price(answer.cost)
    annotation = {
        "annotator": annotator.name(record),
        "rater": rater,
        "persona": persona.name,
        "temperature": question.temperature,
        "seed": question.seed,
        **({"prompt": question.prompt} if annotator.prompted else {}),
        "raw": answer.raw,
        "label": personas.parse(answer.raw, labels),
        **({"cost": cost} if cost else {}),
    }
    return annotation, answer.seconds


def _prompt(
    record: Record, persona: personas.Persona, labels: list[str], annotator: Annotator
) -> str:
    text, speaker = (
        value if isinstance(value := record.get(name), str) else None
        for name in ("text", "speaker")
    )
    prosody = record.get("prosody") if annotator.deaf else None
    voice = prosody.get("summary") if isinstance(prosody, dict) else None
    voice = voice if isinstance(voice, str) else None
    hears = not annotator.deaf
    return personas.prompt(persona.focus, labels, text, speaker, voice=voice, hears=hears)


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
