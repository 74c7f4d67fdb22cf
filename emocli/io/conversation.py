"""Dialogue context: give each record of a dialogue the turns before it.

This happens while the input is read, before sharding and batching, so that shards, windows and a
resumed run see the same turns. The records of a dialogue must be in order; up to OPEN dialogues may
be interleaved.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from emocli.io.ids import exact
from emocli.records import Record, texts

OPEN = 1000  # dialogues remembered at a time (our choice)


def with_context(found: Iterator[Record], turns: int) -> Iterator[Record]:
    """Yield each record; add `context`, at most `turns` turns, to those of dialogues.

    `context` is a list of {speaker, text}, the oldest first; a record that has one keeps it.
    """
    dialogues: OrderedDict[Any, deque[dict[str, Any]]] = OrderedDict()
    for record in found:
        dialogue = record.get("dialogue")
        if dialogue is not None and not record.get("error"):
            key = exact(dialogue)
            history = dialogues.setdefault(key, deque(maxlen=turns))
            dialogues.move_to_end(key)
            if len(dialogues) > OPEN:
                dialogues.popitem(last=False)
            if "context" not in record:
                record["context"] = list(history)
            if isinstance(record.get("text"), str):
                history.append({"speaker": record.get("speaker"), "text": record["text"]})
        yield record


def spoken(record: dict[str, Any], turns: int) -> list[str]:
    """Return the last `turns` turns before a record, then its own, each as "speaker: text".

    >>> spoken({"speaker": "Joey", "text": "What?", "context": [{"text": "So?"}]}, 3)
    ['So?', 'Joey: What?']
    """
    before = record.get("context") or []
    return [_line(turn) for turn in [*before[max(0, len(before) - turns) :], record]]


def _line(turn: dict[str, Any]) -> str:
    text = texts.repaired(str(turn.get("text")))
    return f"{turn['speaker']}: {text}" if turn.get("speaker") else text
