"""Instructions in the forms that other programs read, a row per record.

trl: prompt and completion as conversations (documentation of TRL, "Dataset formats and types"); the
other columns reach the reward functions of its GRPOTrainer. sharegpt: `conversations` from human
and gpt, with `system` beside them, as LLaMA-Factory reads it (its data/README.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emocli import pipeline
from emocli.errors import UsageError
from emocli.records import Record

NAMES = {"user": "human", "assistant": "gpt"}
ABOUT = ("task", "answer", "labels", "streams")  # columns beside the conversation


def trl(instruction: Record) -> Record:
    """Return a prompt and its completion."""
    *prompt, completion = instruction["messages"]
    return {"prompt": prompt, "completion": [completion]}


def sharegpt(instruction: Record) -> Record:
    """Return a conversation, and what the system says."""
    system, *turns = instruction["messages"]
    named = [{"from": NAMES[turn["role"]], "value": turn["content"]} for turn in turns]
    return {"conversations": named, "system": system["content"]}


FORMS: dict[str, Callable[[Record], Record]] = {"trl": trl, "sharegpt": sharegpt}


def writing(form: str) -> pipeline.Stage:
    """Return the stage that makes a row of each record; a failed one has only id and error."""
    if form not in FORMS:
        raise UsageError(f"--to {form:.40}: not one of {', '.join(FORMS)}")

    def run(records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            name = {"id": record.get("id")}
            if record.get("error"):
                yield {**name, "error": record["error"]}
            else:
                made = record["instruction"]
                yield {**name, **FORMS[form](made), **{key: made[key] for key in ABOUT}}

    return run
