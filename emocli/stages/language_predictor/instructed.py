"""Answers to the questions that records bring themselves, as `emocli instruct` writes them.

A question with labels is answered by one of them, scored after what stands before the answer in
its form; another one in words, greedily. The answer that a record has is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emocli.bundles.language import Spec
from emocli.errors import RecordError
from emocli.llm import candidates, generation, thoughts
from emocli.llm.candidates import Candidates
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import Turn, Utterance
from emocli.llm.scoring import Scorer
from emocli.records import Record
from emocli.stages.instruct import asked as questions
from emocli.stages.language_predictor import asking
from emocli.stages.language_predictor.asking import Prompt
from emocli.stages.language_predictor.choosing import Chooser

DIGITS = 6  # of a probability, as in other predictions
Kind = tuple[tuple[str, ...], str]  # labels, what stands before an answer


def prompt(model: LanguageModel, record: Record, spec: Spec) -> Prompt:
    """Return what a record asks; RecordError for one without a question."""
    turns = questions.messages(record)
    if turns is None:
        raise RecordError("no_instruction", "no instruction.messages", hint="emocli instruct")
    if turns[-1]["role"] == questions.ASSISTANT:
        turns = turns[:-1]
    text, tokens = asking.instructed(model, turns, spec.soft)
    kind = questions.choices(record), questions.before(record)
    if len(tokens) + thoughts.LIMIT > model.limit:
        message = f"the question and its answer have up to {len(tokens) + thoughts.LIMIT} tokens"
        raise RecordError("prompt_too_long", f"{message}, the model reads {model.limit}")
    return Prompt(text, tokens, Utterance(Turn("")), 0, kind=kind)


class Answers:
    """Answers questions of any labels; those of equal labels together."""

    def __init__(self, choose: Chooser) -> None:
        self.choose, self.model = choose, choose.model
        self.scorers: dict[Kind, Scorer] = {}

    def __call__(self, asked: Sequence[Prompt]) -> list[Record]:
        """Return the prediction of each question."""
        found: list[Any] = [None] * len(asked)
        for kind in dict.fromkeys(p.kind for p in asked):
            rows = [i for i, p in enumerate(asked) if p.kind == kind]
            some = [asked[i] for i in rows]
            made = self._chosen(kind, some) if kind[0] else self._said(some)
            for i, prediction in zip(rows, made, strict=True):
                found[i] = prediction
        return found

    def _chosen(self, kind: Kind, asked: Sequence[Prompt]) -> list[Record]:
        import numpy as np

        if kind not in self.scorers:
            self.scorers[kind] = Scorer(self.model, self._candidates(kind))
        logs = self.scorers[kind]([p.tokens for p in asked], self.choose.soft(asked))
        shares = np.exp(logs - logs.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        return [_prediction(kind[0], row.tolist()) for row in shares]

    def _candidates(self, kind: Kind) -> Candidates:
        labels, before = kind
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
