"""Answers to the questions that records bring themselves, as `emocli instruct` writes them.

A question with labels is answered by one of them, scored after what stands before the answer in
its form; one that asks for a thought is thought about in words first. Another one, and one whose
answer is several labels, is answered in words, greedily. The answer that a record has is not looked
at. Where the task asks for a label, it also stands where `score` looks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emocli.bundles.language import Spec
from emocli.errors import RecordError
from emocli.llm import answers, candidates, generation, thoughts
from emocli.llm.candidates import Candidates
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import Turn, Utterance
from emocli.llm.scoring import Scorer
from emocli.llm.thoughts import Closing
from emocli.records import Record
from emocli.stages.instruct import asked as questions
from emocli.stages.language_predictor import asking, choosing, scorable
from emocli.stages.language_predictor.asking import Prompt
from emocli.stages.language_predictor.choosing import Chooser

AFTER = 32  # tokens of what leads from a thought to the answer, and of that; our choice
DIGITS = 6  # of a probability, as in other predictions
OPENING = f"<{answers.THINK}>"
CLOSING = f"</{answers.THINK}><{answers.ANSWER}>"  # between a thought and the answer
Kind = tuple[tuple[str, ...], str]  # labels, what stands before an answer


def prompt(model: LanguageModel, record: Record, spec: Spec) -> Prompt:
    """Return what a record asks; RecordError for one without a question."""
    turns = questions.messages(record)
    if turns is None:
        raise RecordError("no_instruction", "no instruction.messages", hint="emocli instruct")
    if turns[-1]["role"] == questions.ASSISTANT:
        turns = turns[:-1]
    text, tokens = asking.instructed(model, turns, spec.soft)
    task, labels = questions.task(record), questions.choices(record)
    kind = labels, OPENING if questions.thinks(record) else questions.before(record)
    if labels and scorable.is_several(task):
        kind = (), ""
    room = thoughts.LIMIT + (AFTER if kind[1] == OPENING else 0)
    if len(tokens) + room > model.limit:
        message = f"the question and its answer have up to {len(tokens) + room} tokens"
        raise RecordError("prompt_too_long", f"{message}, the model reads {model.limit}")
    return Prompt(text, tokens, Utterance(Turn("")), 0, kind=kind, task=task)


class Answers:
    """Answers questions of any labels; those of equal labels together."""

    def __init__(self, choose: Chooser) -> None:
        self.choose, self.model = choose, choose.model
        self.scorers: dict[Kind, Scorer] = {}
        self.closings: dict[Kind, Closing] = {}

    def __call__(self, asked: Sequence[Prompt]) -> list[Record]:
        """Return the prediction of each question."""
        found: list[Any] = [None] * len(asked)
        for kind in dict.fromkeys(p.kind for p in asked):
            rows = [i for i, p in enumerate(asked) if p.kind == kind]
            some = [asked[i] for i in rows]
            made = self._chosen(kind, some) if kind[0] else self._said(some)
            for i, question, prediction in zip(rows, some, made, strict=True):
                found[i] = prediction | scorable.fields(question.task, kind[0], prediction)
        return found

    def _chosen(self, kind: Kind, asked: Sequence[Prompt]) -> list[Record]:
        import numpy as np

        tokens, soft = [p.tokens for p in asked], self.choose.soft(asked)
        told: list[Record] = [{} for _ in asked]
        if kind[1] == OPENING:
            thought = thoughts.of(self.model, tokens, OPENING, soft=soft)
            closing = self._closing(kind)
            tokens = [
                [*t, *closing(OPENING, own.text)] for t, own in zip(tokens, thought, strict=True)
            ]
            told = [choosing.told(own) for own in thought]
        logs = self._scorer(kind)(tokens, soft)
        shares = np.exp(logs - logs.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        rows = zip(shares.tolist(), told, strict=True)
        return [_prediction(kind[0], row) | more for row, more in rows]

    def _scorer(self, kind: Kind) -> Scorer:
        if kind not in self.scorers:
            thinks = kind[1] == OPENING
            listed = self._closing(kind).candidates if thinks else self._candidates(*kind)
            self.scorers[kind] = Scorer(self.model, listed)
        return self.scorers[kind]

    def _closing(self, kind: Kind) -> Closing:
        """Return what leads from a thought to one of some labels."""
        if kind not in self.closings:
            listed = self._candidates(kind[0], CLOSING)
            self.closings[kind] = Closing(self.model.tokens, listed, CLOSING, kind[0][0])
        return self.closings[kind]

    def _candidates(self, labels: Sequence[str], before: str) -> Candidates:
        return candidates.of(labels, self.model.tokens, before=before, ending=self.model.ends[:1])

    def _said(self, asked: Sequence[Prompt]) -> list[Record]:
        tokens, soft = [p.tokens for p in asked], self.choose.soft(asked)
        made = generation.greedy(self.model, tokens, thoughts.LIMIT, soft=soft)
        return [{"answer": completion.text.strip()} for completion in made]


def _prediction(labels: Sequence[str], shares: Sequence[float]) -> Record:
    best = max(range(len(labels)), key=shares.__getitem__)
    rounded = [round(share, DIGITS) for share in shares]
    probabilities = dict(zip(labels, rounded, strict=True))
    return {
        "answer": labels[best],
        "probabilities": probabilities,
        "confidence": rounded[best],
    }
