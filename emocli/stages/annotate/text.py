"""A language model as annotator, prompted with the words of a record."""

from __future__ import annotations

import functools
from typing import Any

from emocli.errors import AbsentError, RecordError
from emocli.io.store import Store
from emocli.modalities import text as words
from emocli.pipeline import live
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.annotate.asking import Answer, Question


class TextModel:
    """A causal language model of the hub or in a folder, loaded for the first question."""

    prompted = True
    deaf = True
    concurrency = 1

    def __init__(self, context: Context, model: str, labels: list[str]) -> None:
        from emocli.stages.language_predictor.answering import located

        self.context, self.chosen = context, labels
        self.folder, revision = located(model, offline=context.offline)
        self.known_as = f"{model}@{revision}"

    def name(self, _record: Record) -> str:
        """Return the model and its revision."""
        return self.known_as

    def labels(self, _record: Record) -> list[str]:
        """Return the labels that it may choose from."""
        return self.chosen

    @functools.cached_property
    def model(self) -> Any:
        """The model, on its device."""
        from emocli.encoders import causal_language_model
        from emocli.llm.language_model import LanguageModel
        from emocli.pipeline import devices

        device = devices.pick(self.context.device)
        dtype = devices.pick_dtype(self.context.dtype, device)
        with live.during(f"loading {self.folder.name}"):
            made = LanguageModel(*causal_language_model.load(self.folder, device, dtype), device)
        if not made.has_chat_template:
            self.context.say("annotate", f"{self.known_as} has no chat template: a plain prompt")
        return made

    def ask(self, record: Record, question: Question) -> Answer:
        """Return the model's answer to a question about what was said."""
        from emocli.llm import text_annotator

        require_words(record)
        found = text_annotator.answer(
            self.model, question.prompt, question.temperature, question.seed
        )
        cost = {
            "prompt_tokens": found.prompt_tokens,
            "answer_tokens": found.answer_tokens,
            "seconds": round(found.seconds, 3),
        }
        return Answer(found.raw, cost, found.seconds)

    def close(self) -> None:
        """Do nothing: the model holds only memory."""


def require_words(record: Record) -> None:
    """Raise RecordError for a record without words, which this annotator judges by."""
    try:
        words.material(record, {}, Store())
    except AbsentError as error:
        raise RecordError(error.code, error.message, hint=error.hint) from None
