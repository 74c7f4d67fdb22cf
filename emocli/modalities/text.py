"""Text: the words of a record, alone or with the preceding turns of its dialogue."""

from __future__ import annotations

from typing import Any

from emocli import records
from emocli.errors import AbsentError, RecordError
from emocli.io import conversation
from emocli.io.store import Store
from emocli.records import Record
from emocli.records.modality import names_other

PLAIN: Record = {"encoder": "all-minilm-l6-v2", "layer": -1, "pooling": "mean"}
SEVERAL_LAYERS = False
BATCH = 32  # fastest of 4 to 64 on two cores
BUDGET = float("inf")
FLAGS = {"context": "--context needs --modality text: only text has preceding turns"}


def settings(flags: Record) -> Record:
    """Return what flags of `encode` add to a spec: how many preceding turns are encoded."""
    return {key: flags[key] for key in FLAGS if flags.get(key) is not None}


def length(record: Record) -> float:
    """Return the characters of a text."""
    return float(len(record["text"]))


def material(record: Record, spec: Record, _store: Store) -> Any:
    """Return the text of a record, or the turns of its dialogue if the spec has a context."""
    text = records.modality_text(record)
    has_other = names_other(record, "text")
    if text is None and not has_other:
        raise RecordError("no_text", "no field 'text'", hint="run emocli transcribe first")
    if text is None:
        raise AbsentError("no_text", "no text", hint="emocli transcribe adds it")
    if not text.strip() and not has_other:
        raise RecordError("empty_text", "the text is empty", hint="a record needs words or a path")
    if not text.strip():
        raise AbsentError("no_speech", "no speech was recognised")
    turns = spec.get("context")
    return conversation.spoken(record, turns) if turns else text
