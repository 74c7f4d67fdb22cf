"""Any command as annotator: one question per line on stdin, one answer per line on stdout."""

from __future__ import annotations

import time
from typing import TextIO

from emocli import records
from emocli.pipeline import parts
from emocli.records import Record
from emocli.records.jsonl import SPOOLED
from emocli.stages.annotate.asking import Answer, Question
from emocli.stages.line_process import LineProcess

UNSEEN = ("label", "annotations")  # fields that an annotator must not see


class Command:
    """One process that answers all questions; it is started again if it has ended."""

    prompted = True
    deaf = False
    concurrency = 1

    def __init__(
        self, command: str, labels: list[str], timeout_s: float, stderr: TextIO | None = None
    ) -> None:
        self.process = LineProcess(
            command, flag="--command", role="annotator", timeout_s=timeout_s, stderr=stderr
        )
        self.chosen = labels

    def name(self, _record: Record) -> str:
        """Return the command as the user wrote it."""
        return f"command: {self.process.command}"

    def labels(self, _record: Record) -> list[str]:
        """Return the labels that it may choose from."""
        return self.chosen

    def ask(self, record: Record, question: Question) -> Answer:
        """Send the record with the question in `annotate`, and return the line that comes back."""
        sent = {
            **{key: value for key, value in parts.public(record).items() if key not in UNSEEN},
            "annotate": {
                "persona": question.persona.name,
                "temperature": question.temperature,
                "seed": question.seed,
                "labels": question.labels,
                "prompt": question.prompt,
            },
        }
        if SPOOLED in record:  # the program can read the copy while this process runs
            sent["path"] = records.path_of(record)
        started = time.perf_counter()
        line = self.process.answer(records.dumps(sent))
        raw = line.decode("utf-8", "replace").rstrip("\r\n")
        return Answer(raw, seconds=time.perf_counter() - started)

    def close(self) -> None:
        """Close the command's stdin, which tells it to end, and kill it if it does not."""
        self.process.close()
