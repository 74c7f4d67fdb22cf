"""What machines wrote about a record, as far as it can be learned from."""

from __future__ import annotations

from typing import NamedTuple

from emocli.llm import answers
from emocli.records import Record, validation

KINDS = ("emotion", "polarity", "multi", "intent")  # of consolidated descriptions, in order


class Described(NamedTuple):
    """A description: its key in `descriptions`, its text, and who wrote it."""

    key: str
    text: str
    by: str


def first(record: Record, keys: tuple[str, ...] = KINDS) -> Described | None:
    """Return the first description of use under some keys, None if there is none.

    As in MMEVerse one of more than 120 words is of no use, nor is one with the tags of answers.
    Raises RecordError for descriptions of another form.
    """
    listed = validation.value(record, "descriptions", code="bad_descriptions") or {}
    for key in keys:
        about = listed.get(key) or {}
        text = " ".join(str(about.get("text") or "").split())
        if text and len(text.split()) <= answers.LONGEST and not _tagged(text):
            return Described(key, text, str(about.get("by") or "unknown"))
    return None


def _tagged(text: str) -> bool:
    return any(f"{name}>" in text for name in (answers.THINK, answers.ANSWER))
