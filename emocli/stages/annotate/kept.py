"""Answers that are kept one by one, so that an interrupted run asks none of them again.

The journal of `--output F` keeps records that are complete; a record of twenty answers may cost
minutes, or money. `F.part.answers` has a line for each answer, by what was asked: the record and
its recording, the annotator with its revision, the rater's question and seed. It goes when `F` is
complete without a failure.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from pathlib import Path
from typing import IO

import orjson

from emocli.io.writing import full_disk_raised
from emocli.pipeline import journal_lines
from emocli.records import Record
from emocli.stages.annotate.asking import Annotator, Answer, Question

ENDING = ".part.answers"


class Kept:
    """The answers beside an output; without one nothing is kept. Threads may share it.

    The file is opened at the first question, when the run holds the lock of the output.
    """

    def __init__(self, output: Path | None = None, *, resume: bool = False) -> None:
        self.path = None if output is None else output.with_name(output.name + ENDING)
        self.resume = resume
        self.taken = 0  # answers of an earlier run
        self.known: dict[str, Answer] = {}
        self.file: IO[bytes] | None = None
        self.lock = threading.Lock()

    def answer(self, annotator: Annotator, record: Record, question: Question) -> Answer:
        """Return the answer to a question, which is asked unless the answer is kept."""
        if self.path is None or not annotator.prompted:
            return annotator.ask(record, question)
        key = _key(annotator.name(record), record, question)
        with self.lock:
            if self.file is None:
                self._open(self.path)
            if key in self.known:
                self.taken += 1
                return self.known[key]
        answer = annotator.ask(record, question)
        self._write(self.path, key, answer)
        return answer

    def done(self) -> None:
        """Close the file, and remove it: the output is complete."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; it stays for --resume."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def _open(self, path: Path) -> None:
        if self.resume and path.exists():
            with path.open("rb") as lines:
                for line in lines:
                    with contextlib.suppress(ValueError, TypeError, KeyError):  # a torn line
                        found = orjson.loads(line)
                        key = found.pop("key")
                        self.known[key] = Answer(**found)
        self.file = path.open("ab" if self.resume else "wb")
        self.file.write(b"\n" if self.known else b"")  # the last line may be torn

    def _write(self, path: Path, key: str, answer: Answer) -> None:
        line = orjson.dumps({"key": key, **dataclasses.asdict(answer)})
        with self.lock, full_disk_raised(path):
            assert self.file is not None
            self.file.write(line + b"\n")
            self.file.flush()


def _key(name: str, record: Record, question: Question) -> str:
    asked = {k: v for k, v in record.items() if k != "annotations"}
    facts = (name, question.persona.name, question.temperature, question.seed, question.prompt)
    config = journal_lines.digest(repr(facts).encode("utf-8", "surrogateescape"), b"").digest()
    return journal_lines.key(asked, config).decode()
