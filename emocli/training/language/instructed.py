"""Records of `instruct` as examples: what they ask is learned as it stands, with its answer."""

from __future__ import annotations

import contextlib
from array import array
from dataclasses import dataclass

from emocli.bundles.soft_streams import SoftSpec
from emocli.errors import RecordError
from emocli.llm import answers
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from emocli.records import Record
from emocli.stages.instruct import asked
from emocli.stages.instruct.asked import ASSISTANT, Messages
from emocli.stages.language_predictor import asking


def messages(record: Record) -> Messages | None:
    """Return the messages of a record that end with an answer of the assistant, None without.

    RecordError for what has not the form of messages.
    """
    found = asked.messages(record)
    return found if found and found[-1]["role"] == ASSISTANT else None


def example(model: LanguageModel, turns: Messages, soft: SoftSpec | None = None) -> Example:
    """Return all messages but the last as a question, and the last as its answer.

    Soft tokens stand at the beginning of what the user says.

    RecordError if they are longer than what the model reads: nothing of them is left out.
    """
    ended = [*model.tokens(turns[-1]["content"]), *model.ends[:1]]
    _, question = asking.instructed(model, turns[:-1], soft)
    if (size := len(question) + len(ended)) > model.limit:
        message = f"the messages have {size} tokens, the model reads {model.limit}"
        raise RecordError("prompt_too_long", message, hint="instruct with fewer --context turns")
    return Example(array("i", question), array("i", ended))


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
