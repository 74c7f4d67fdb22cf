"""Labelled records as what a language model is asked, and what it should answer."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from emocli import records
from emocli.bundles.heads import Head
from emocli.bundles.language import Spec
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import features
from emocli.io.store import Store
from emocli.llm import candidates, rationales
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import CONSTRAINED
from emocli.llm.tuning import Example
from emocli.records import Record, failures, label_reading
from emocli.stages import voice_levels
from emocli.stages.instruct import answers
from emocli.stages.language_predictor import asking
from emocli.training.examples import Examples, counts, stream_values
from emocli.training.language import instructed
from emocli.training.language.instructed import Instructed
from emocli.training.language.settings import NONE, TEMPLATED

Made = TypeVar("Made")


class Corpus:
    """Labelled records in a file, by their numbers; `examples` has labels and groups."""

    def __init__(self, examples: Examples, streams: Sequence[str] = ()) -> None:
        self.examples, self.streams = examples, streams
        self.places = array("q", [0])  # where each line begins
        self.instructed = Instructed()
        self.reasons: dict[str, str] = {}  # why records had failed, by code

    def __len__(self) -> int:
        return len(self.examples)

    def record(self, number: int) -> Record:
        """Return a record."""
        self.examples.lines.seek(self.places[number])
        return records.parse(self.examples.lines.readline(), "a record to train on")

    def reason(self, error: Record) -> str:
        """Return the code of an error, with the message of the first one that has it."""
        code, message = error.get("code", "error"), error.get("message")
        return self.reasons.setdefault(str(code), f"{code} ({message})" if message else str(code))

    def head(self, spec: Spec) -> Head:
        """Return the head of the labels, in the order of the predictor, or of its number."""
        (first,) = self.examples.targets.heads()
        if not spec.labels:
            return first
        if unknown := set(first.labels) - set(spec.labels):
            names = ", ".join(sorted(unknown))
            raise UsageError(f"--labels lacks {names}, which records have", hint="add them")
        return Head(first.target, first.kind, tuple(spec.labels))


@dataclass(frozen=True)
class Part:
    """Some of the records of a corpus, by their numbers."""

    corpus: Corpus
    numbers: Sequence[int]


def collect(
    source: Iterable[Record],
    examples: Examples,
    *,
    tests: bool,
    streams: Sequence[str] = (),
    store: Store | None = None,
) -> Corpus:
    """Read the records that have a label; with `tests` some will be predicted.

    If soft tokens are made of `streams`, whose arrays are in `store`, records need one of them.
    """
    corpus = Corpus(examples, streams)
    for record in source:
        examples.ids.add(record.get("id"))
        if record.get("error"):
            examples.skipped[corpus.reason(record["error"])] += 1
            continue
        if record.get("augmented") and tests:
            message = "--cv would test on mixtures of training records"
            raise UsageError(f"{records.name_of(record)}: {message}", hint="train with --dev")
        values = stream_values(store, examples, record, streams) if store and streams else {}
        if streams and not values:
            examples.skipped[f"no features.{' or '.join(streams)}"] += 1
            continue
        if not examples.targets.add(record):
            examples.skipped[examples.targets.lacking()] += 1
            continue
        if streams:
            examples.add(values, len(examples) - 1)
        _keep(corpus, record)
    examples.finish()
    if not len(examples):
        raise EmptyInputError(f"nothing to train on: {counts(examples) or 'no records'}")
    return corpus


def _keep(corpus: Corpus, record: Record) -> None:
    examples = corpus.examples
    examples.groups.add(record)
    examples.speakers.append(record.get("speaker"))
    if not record.get("augmented"):
        examples.datasets[str(record.get("dataset"))] += 1
    kept = {k: v for k, v in record.items() if k not in ("features", "audio")}
    if corpus.streams:
        own = features.of(record)
        kept["features"] = {name: own[name] for name in corpus.streams if name in own}
    line = records.dumps(kept)
    examples.digest.update(line)
    examples.lines.write(line)
    corpus.places.append(corpus.places[-1] + len(line))
    corpus.instructed.add(record)


class Asking:
    """How records become examples: the prompt of the predictor, and the answer in its form."""

    def __init__(self, model: LanguageModel, spec: Spec, rationale: str) -> None:
        self.model, self.spec, self.rationale = model, spec, rationale
        self.soft: Any = None  # the module of soft tokens that is trained
        scale = None if spec.labels else spec.template.numbers
        self.numbers = candidates.numbers(scale) if scale else {}
        before, after = spec.template.around(CONSTRAINED)
        ending = model.tokens(after) if after else model.ends[:1]
        listed = spec.labels or list(self.numbers)
        self.candidates = candidates.of(listed, model.tokens, before=before, ending=ending)

    def prompt(self, record: Record, room: int) -> list[int]:
        """Return the tokens of the question about a record that leaves `room` for an answer."""
        asked = asking.utterance(record, self.spec)
        return asking.prompt(self.model, asked, self.spec, room).tokens

    def example(self, record: Record) -> Example:
        """Return a question and its answer, those of `instruct` where a record has them.

        RecordError for a record that has none.
        """
        if turns := instructed.messages(record):
            return instructed.example(self.model, turns, self.spec.soft)
        answered = self.answer(record)
        ended = [*self.model.tokens(answered), *self.model.ends[:1]]
        return Example(array("i", self.prompt(record, len(ended))), array("i", ended))

    def answer(self, record: Record) -> str:
        """Return the answer of a record as it is trained."""
        thought = None if self.rationale == NONE else self.thought(record)
        return self.spec.template.completion(self.gold(record), thought)

    def gold(self, record: Record) -> str:
        """Return the label of a record as it is answered: a word, or the nearest number."""
        label = label_reading.label(record)
        if self.spec.labels:
            return str(label_reading.emotion(label, "label"))
        value = label_reading.rating(label, self.spec.target, "label") or 0.0
        return min(self.numbers, key=lambda text: abs(self.numbers[text] - value))

    def thought(self, record: Record) -> str:
        """Return the thought of a record: made from its measured levels, or what a field has."""
        if self.rationale != TEMPLATED:
            return answers.text_at(record, self.rationale)
        vowels, terse = (self.spec.prosody == told for told in ("full", "terse"))
        measured = voice_levels.measured(record)
        thought = rationales.thought(measured, vowels=vowels, terse=terse)
        if thought is None:
            hint = "run emocli prosody first; --rationale none does without"
            message = "no measured levels to make a rationale of"
            raise RecordError("no_levels", message, hint=hint)
        return thought


def examples_of(
    corpus: Corpus, made: Callable[[Record], Made], numbers: Sequence[int]
) -> tuple[list[int], list[Made], dict[str, list[RecordError]]]:
    """Return the numbers of records that can be asked, what is made of them, why not of others."""
    kept, examples, lost = [], [], dict[str, list[RecordError]]()
    for number in numbers:
        try:
            examples.append(made(corpus.record(number)))
            kept.append(number)
        except RecordError as error:
            lost.setdefault(error.code, []).append(failures.without_frames(error))
    return kept, examples, lost


def class_weights(labels: Sequence[int], balanced: bool) -> Any:
    """Return the weight (records,) of each record, 1 on average: of its label if `balanced`."""
    if not balanced:
        return np.ones(len(labels))
    share = np.bincount(labels) / len(labels)
    return 1.0 / (share[np.asarray(labels)] * np.count_nonzero(share))


def told(lost: dict[str, list[RecordError]]) -> str:
    """Return how many records were left out, and why, in the words of the first of each kind."""
    return ", ".join(f"{len(errors)} left out: {errors[0]}" for errors in lost.values())
