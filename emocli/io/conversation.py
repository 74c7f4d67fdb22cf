"""What was said before: the last turns of a dialogue, given to each of its records.

Whoever reads the input does this, before records are left out or batched, so that shards, windows
and a resumed run see the same turns. A dialogue's records have to come in order; the dialogues may
be interleaved, up to OPEN of them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import orjson

Item = tuple[bytes, dict[str, Any]]  # what was read, and its record

OPEN = 1000  # dialogues that are remembered at a time; our choice


def with_context(items: Iterator[Item], turns: int) -> Iterator[Item]:
    """Yield each item; the record of a dialogue with `context`, at most so many turns before it.

    `context` is a list of {speaker, text}, the oldest first; a record that has one keeps it. What
    was read grows by the context, since the results depend on it.
    """
    past: OrderedDict[str, deque[dict[str, Any]]] = OrderedDict()
    for raw, record in items:
        dialogue = record.get("dialogue")
        if isinstance(dialogue, str) and "error" not in record:
            said = past.setdefault(dialogue, deque(maxlen=turns))
            past.move_to_end(dialogue)
            if len(past) > OPEN:
                past.popitem(last=False)
            if "context" not in record:
                record["context"] = list(said)
                raw = raw + orjson.dumps(record["context"])
            if isinstance(record.get("text"), str):
                said.append({"speaker": record.get("speaker"), "text": record["text"]})
        yield raw, record


def spoken(record: dict[str, Any], turns: int) -> list[str]:
    """Return the last `turns` turns before a record and its own, each as "speaker: text".

    >>> spoken({"speaker": "Joey", "text": "What?", "context": [{"text": "So?"}]}, 3)
    ['So?', 'Joey: What?']
    """
    before = record.get("context") or []
    return [_line(turn) for turn in [*before[max(0, len(before) - turns) :], record]]


def _line(turn: dict[str, Any]) -> str:
    return f"{turn['speaker']}: {turn['text']}" if turn.get("speaker") else str(turn.get("text"))
