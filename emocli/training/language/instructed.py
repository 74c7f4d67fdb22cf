"""Records of `instruct` as examples: what they ask is learned as it stands, with its answer."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emocli.errors import RecordError
from emocli.llm import answers, prompts
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from emocli.records import Record

ROLES = ("system", "user", "assistant")
ASSISTANT = ROLES[-1]
Messages = Sequence[dict[str, str]]


def messages(record: Record) -> Messages | None:
    """Return the messages of a record that end with an answer of the assistant, None without.

    RecordError for what has not the form of messages.
    """
    made = record.get("instruction")
    found = made.get("messages") if isinstance(made, dict) else None
    if found is None:
        return None
    if not isinstance(found, list) or len(found) < 2 or not all(map(_is_message, found)):
        hint = "each has a role (system, user, assistant) and content, as instruct writes them"
        raise RecordError("bad_instruction", f"no messages: {found!r:.60}", hint=hint)
    return found if found[-1]["role"] == ASSISTANT else None


def _is_message(found: Any) -> bool:
    if not isinstance(found, dict) or found.get("role") not in ROLES:
        return False
    return isinstance(found.get("content"), str) and bool(found["content"].strip())


def example(model: LanguageModel, turns: Messages) -> Example:
    """Return all messages but the last as a question, and the last as its answer.

    RecordError if they are longer than what the model reads: nothing of them is left out.
    """
    ended = [*model.tokens(turns[-1]["content"]), *model.ends[:1]]
    asked = prompts.tokens(model, list(turns[:-1]))
    if (size := len(asked) + len(ended)) > model.limit:
        message = f"the messages have {size} tokens, the model reads {model.limit}"
        raise RecordError("prompt_too_long", message, hint="instruct with fewer --context turns")
    return Example(array("i", asked), array("i", ended))


@dataclass
class Instructed:
    """How many records have messages to learn, and how many of these think before they answer."""

    records: int = 0
    thoughts: int = 0

    def add(self, record: Record) -> None:
        """Count a record; one whose messages have no form is told of when it is learned."""
        with contextlib.suppress(RecordError):
            if turns := messages(record):
                self.records += 1
                self.thoughts += f"<{answers.THINK}>" in turns[-1]["content"]

    def told(self, *, rewarded: bool, thinking: bool) -> str:
        """Return what there is to say of them, nothing if there are none.

        `rewarded` is whether rewards are learned instead, `thinking` whether predict asks for a
        thought.
        """
        if not self.records:
            return ""
        some = f"{self.records} record{'s' if self.records > 1 else ''}"
        if rewarded:
            return f"`instruction` is not read, of {some}: rewards ask as the --start was trained"
        asks = "predict asks by --template, --prosody and --context"
        if self.thoughts and not thinking:
            asks += "; without --rationale for no thought, which they have"
        return f"{some} learned as `instruction` has them; {asks}"
