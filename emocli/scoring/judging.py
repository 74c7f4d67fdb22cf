"""A judge of explanations: any command that reads a record per line and answers with a number.

EMER and Emotion-LLaMAv2 (https://arxiv.org/abs/2601.16449) let a language model give 0 to 10 for
the overlap of clues and of labels. What is asked, and on which scale, is the command's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TextIO

from emocli import records
from emocli.errors import RecordError
from emocli.pipeline import parts
from emocli.records import Record
from emocli.stages.line_process import LineProcess

JUDGED = "\0judged"  # private to the process: a number, or why there is none
TIMEOUT_S = 60.0


class Judge:
    """A command that judges records; one that fails for a record leaves its error there."""

    def __init__(self, command: str, stderr: TextIO | None = None) -> None:
        self.process = LineProcess(
            command, flag="--judge", role="judge", timeout_s=TIMEOUT_S, stderr=stderr
        )

    def of(self, incoming: Iterable[Record]) -> Iterator[Record]:
        """Yield the records, those with an explanation judged."""
        for record in incoming:
            if not record.get("error") and _explained(record):
                record[JUDGED] = self._answer(record)
            yield record

    def _answer(self, record: Record) -> float | RecordError:
        try:
            line = self.process.answer(records.dumps(parts.public(record)))
        except RecordError as error:
            return error
        return _number(line.decode("utf-8", "replace").strip())

    def close(self) -> None:
        """End the command."""
        self.process.close()


def _explained(record: Record) -> bool:
    prediction = record.get("prediction")
    return isinstance(prediction, dict) and isinstance(prediction.get("explanation"), str)


def _number(text: str) -> float | RecordError:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    hint = "one number per record"
    return RecordError("bad_judgement", f"the judge answered {text!r:.60}", hint=hint)


def judgement(record: Record) -> float | None:
    """Return the judgement of a record, None without a judge; RecordError if it failed."""
    value = record.get(JUDGED)
    if isinstance(value, RecordError):
        raise value
    return value
