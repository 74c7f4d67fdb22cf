"""What records of `instruct` ask: their messages, and the labels that they choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emocli.errors import RecordError
from emocli.llm.answers import THINK
from emocli.records import Record

ROLES = ("system", "user", "assistant")
_, USER, ASSISTANT = ROLES
HINT = "each has a role (system, user, assistant) and content, as instruct writes them"
Messages = Sequence[dict[str, str]]


def messages(record: Record) -> Messages | None:
    """Return the messages of a record, None without; RecordError for another form."""
    made = record.get("instruction")
    found = made.get("messages") if isinstance(made, dict) else None
    if found is None:
        return None
    if not isinstance(found, list) or len(found) < 2 or not all(map(_is_message, found)):
        raise RecordError("bad_instruction", f"no messages: {found!r:.60}", hint=HINT)
    return found


def _is_message(found: Any) -> bool:
    """Say whether something is a message; a user may say nothing, where streams say it."""
    if not isinstance(found, dict) or found.get("role") not in ROLES:
        return False
    content = found.get("content")
    return isinstance(content, str) and (found["role"] == USER or bool(content.strip()))


def streams(record: Record) -> frozenset[str] | None:
    """Return the streams that go with the question of a record; None is all of them."""
    made = record.get("instruction")
    listed = made.get("streams") if isinstance(made, dict) else None
    return frozenset(map(str, listed)) if isinstance(listed, list) and listed else None


def choices(record: Record) -> tuple[str, ...]:
    """Return the labels that a question chooses from, none for numbers and free words."""
    listed = record["instruction"].get("labels") or []
    if not isinstance(listed, list) or not all(isinstance(label, str) for label in listed):
        raise RecordError("bad_instruction", f"labels are no texts: {listed!r:.60}")
    return tuple(listed)


def task(record: Record) -> str:
    """Return the task of a question, "" where it does not say one."""
    return str(record["instruction"].get("task") or "")


def thinks(record: Record) -> bool:
    """Say whether a question asks for a thought before its answer."""
    made = record["instruction"]
    last = made["messages"][-1]
    told = last["role"] == ASSISTANT and f"<{THINK}>" in last["content"]
    return bool(told or made.get("rationale"))


def before(record: Record) -> str:
    """Return what stands before the answer in the last message, "" where that is not there."""
    last, answer = record["instruction"]["messages"][-1], record["instruction"].get("answer")
    if last["role"] != ASSISTANT or not isinstance(answer, str):
        return ""
    head, found, _ = str(last["content"]).rpartition(answer)
    return head if found and f"<{THINK}>" not in head else ""
