"""Norms fitted on the records that pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from emocli import pipeline
from emocli.errors import ConfigError, ExitStatus
from emocli.io.writing import whole_file
from emocli.records import Record
from emocli.signals import prosody_fitting, prosody_norms
from emocli.stages.prosody import levels

TRAIN = "train"


class _UnfinishedError(Exception):
    """The run did not get to its end: nothing is fitted."""


def through(
    send: Callable[[pipeline.Stage], int], stage: pipeline.Stage, path: Path, stdout: BinaryIO
) -> tuple[int, str]:
    """Send every record through the stage, fit norms on them and write them.

    `send` runs a stage over the input and returns an exit status. Returns it, and what to tell a
    person; nothing where the run did not come to its end, and then there is no file.
    """
    listener = _Listener()
    status = int(ExitStatus.OK)
    try:
        with whole_file(path, stdout) as file:
            status = send(pipeline.chain(stage, listener))
            if status not in (ExitStatus.OK, ExitStatus.FAILED) or not listener.finished:
                raise _UnfinishedError
            listener.write(file)
    except _UnfinishedError:
        return status, ""
    return status, listener.summary()


class _Listener:
    """Lets records pass and keeps what norms need of them: some 0.5 KB per vowel."""

    def __init__(self) -> None:
        self.heard: list[prosody_fitting.Utterance] = []
        self.left_out: Counter[str] = Counter()
        self.finished = False

    def __call__(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records as they are."""
        for record in records:
            self.listen(record)
            yield record
        self.finished = True

    def listen(self, record: Record) -> None:
        """Keep what one record says, or count why not."""
        found = record.get("prosody")
        if record.get("split") not in (None, "", TRAIN):
            self.left_out[f"not of split '{TRAIN}'"] += 1
        elif "error" in record or not isinstance(found, dict):
            self.left_out["without prosody"] += 1
        else:
            vowels = [_only(prosody_norms.VOWEL_FIELDS, v) for v in found.get("vowels", ())]
            speaker = levels.speaker_of(record)
            language = levels.language_of(record)
            whole = _only(prosody_norms.UTTERANCE_FIELDS, found)
            self.heard.append(prosody_fitting.Utterance(speaker, language, whole, vowels))

    def write(self, file: BinaryIO) -> None:
        """Write the norms as JSON for people to read."""
        import orjson

        if not self.heard:
            hint = "records need audio, and `split`, if any, has to be train"
            raise ConfigError(
                f"--fit: no record to fit on; left out: {self._left_out()}", hint=hint
            )
        content = prosody_fitting.fit(self.heard)
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def summary(self) -> str:
        """Return what it was fitted on, and what was left out."""
        vowels = sum(len(one.vowels) for one in self.heard)
        speakers = len({one.speaker for one in self.heard} - {None})
        numbers = f"{len(self.heard)} utterances, {vowels} vowels, {speakers} speakers"
        hint = "" if vowels else " (emocli align finds the vowels)"
        return f"norms fitted on {numbers}{hint}; left out: {self._left_out()}"

    def _left_out(self) -> str:
        return ", ".join(f"{n} {why}" for why, n in self.left_out.items()) or "none"


def _only(fields: tuple[str, ...], found: Record) -> Record:
    return {field: found.get(field) for field in fields}
