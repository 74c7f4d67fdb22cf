"""From a record to a prompt: its words, the turns before, its voice in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from emocli.bundles.language import Spec
from emocli.bundles.model_inputs import ModelInputs
from emocli.bundles.soft_streams import SoftSpec
from emocli.errors import AbsentError, RecordError
from emocli.io.store import Store
from emocli.llm import prompts, soft_tokens
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import Turn, Utterance
from emocli.modalities import text as words
from emocli.records import Record
from emocli.records.missing import notes
from emocli.stages import telling

Shape = tuple[int, bool, bool]  # turns before, whether a summary, whether vowels


class Prompt(NamedTuple):
    """What a model is asked about a record."""

    text: str
    tokens: list[int]
    utterance: Utterance
    left_out: int  # turns of the context that had no room
    inputs: ModelInputs | None = None  # what soft tokens are made of
    kind: tuple[tuple[str, ...], str] = ((), "")  # labels of a question of its own, what begins it
    task: str = ""  # of `instruct`, of such a question


def utterance(record: Record, spec: Spec) -> Utterance:
    """Return what a prompt says of a record; RecordError for one without words.

    Where soft tokens are told as well, words may be missing, or are not wanted at all.
    """
    if spec.soft:
        said = _words_beside(record, spec.soft)
        told = telling.utterance(record, said, spec.context, spec.prosody)
        return dataclasses.replace(told, soft=spec.soft.prompt)
    try:
        said = words.material(record, {}, Store())
    except AbsentError as error:
        message = "; ".join([error.message, *_reasons(record)])
        raise RecordError(error.code, message, hint=error.hint) from None
    return telling.utterance(record, said, spec.context, spec.prosody)


def _words_beside(record: Record, soft: SoftSpec) -> str:
    """Return the words of a record beside its soft tokens, "" if there are none."""
    try:
        return str(words.material(record, {}, Store())) if soft.words else ""
    except AbsentError:
        return ""


def _reasons(record: Record) -> list[str]:
    return [str(n["message"]) for n in notes(record).values() if isinstance(n, dict)]


def prompt(model: LanguageModel, asked: Utterance, spec: Spec, room: int) -> Prompt:
    """Return the prompt about an utterance that leaves `room` tokens for the answer.

    The oldest turns of the context go first; RecordError if it is too long without any.
    """
    size = 0
    for left_out in range(len(asked.before) + 1):
        kept = dataclasses.replace(asked, before=asked.before[left_out:])
        messages = spec.template.messages(kept, spec.labels, spec.decode)
        text = prompts.rendered(model, messages)
        layout = spec.soft.layout if spec.soft else {}
        ids = soft_tokens.tokens(model, text, layout, begins=not model.has_chat_template)
        size = len(ids) + room
        if size <= model.limit:
            return Prompt(soft_tokens.shown(text, layout), ids, kept, left_out)
    message = f"the prompt and its answer have {size} tokens, the model reads {model.limit}"
    hint = "a shorter text, --prosody summary, or a model with a longer context"
    raise RecordError("prompt_too_long", message, hint=hint)


def instructed(
    model: LanguageModel, turns: Sequence[dict[str, str]], soft: SoftSpec | None
) -> tuple[str, list[int]]:
    """Return a question of `instruct` as text and tokens; soft tokens begin what the user says."""
    first = next((i for i, turn in enumerate(turns) if turn["role"] == "user"), 0)
    said = [{**turn, "content": soft_tokens.unmarked(turn["content"])} for turn in turns]
    if soft:
        said[first] = {**said[first], "content": soft.prompt + said[first]["content"]}
    text, layout = prompts.rendered(model, said), soft.layout if soft else {}
    ids = soft_tokens.tokens(model, text, layout, begins=not model.has_chat_template)
    return soft_tokens.shown(text, layout), ids


def alike(shape: Shape, texts: Sequence[str]) -> list[Utterance]:
    """Return utterances of some texts, each in all the parts that others have; see `shape`."""
    turns, summary, vowels = shape
    return [
        Utterance(Turn(t), (Turn(t),) * turns, t if summary else None, t if vowels else None)
        for t in texts
    ]


def shape(asked: Utterance) -> Shape:
    """Return which parts a prompt has: turns before, a summary, vowels."""
    return len(asked.before), asked.summary is not None, asked.vowels is not None


def length(record: Record, spec: Spec) -> float:
    """Return about how many characters of a prompt are the record's own."""
    asked = utterance(record, spec)
    parts = [asked.said.text, *(t.text for t in asked.before), asked.summary, asked.vowels]
    return float(sum(len(part) for part in parts if part))
