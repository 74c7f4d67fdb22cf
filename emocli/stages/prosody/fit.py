"""Fit norms on the records that pass through a stage."""

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
    """The run did not finish, so nothing is fitted."""


def through(
    send: Callable[[pipeline.Stage], int], stage: pipeline.Stage, path: Path, stdout: BinaryIO
) -> tuple[int, str]:
    """Send every record through the stage, fit norms on them and write them.

    `send` runs a stage over the input and returns an exit status. Returns that status and a summary
    for stderr. If the run did not finish, the summary is empty and no file is written.
    """
    collector = _Collector()
    status = int(ExitStatus.OK)
    try:
        with whole_file(path, stdout) as file:
            status = send(pipeline.chain(stage, collector))
            if status not in (ExitStatus.OK, ExitStatus.FAILED) or not collector.finished:
                raise _UnfinishedError
            collector.write(file)
    except _UnfinishedError:
        return status, ""
    return status, collector.summary()


class _Collector:
    """Passes records on and keeps their utterances for the norms: about 0.5 KB per vowel."""

    def __init__(self) -> None:
        self.utterances: list[prosody_fitting.Utterance] = []
        self.left_out: Counter[str] = Counter()
        self.finished = False

    def __call__(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield the records unchanged."""
        for record in records:
            self.add(record)
            yield record
        self.finished = True

    def add(self, record: Record) -> None:
        """Keep the utterance of a record, or count the reason to leave it out."""
        prosody = record.get("prosody")
        if record.get("split") not in (None, "", TRAIN):
            self.left_out[f"not of split '{TRAIN}'"] += 1
        elif record.get("error") or not isinstance(prosody, dict):
            self.left_out["without prosody"] += 1
        else:
            vowels = [_only(prosody_norms.VOWEL_FIELDS, v) for v in prosody.get("vowels", ())]
            speaker = levels.speaker_of(record)
            language = levels.language_of(record)
            measures = _only(prosody_norms.UTTERANCE_FIELDS, prosody)
            self.utterances.append(prosody_fitting.Utterance(speaker, language, measures, vowels))

    def write(self, file: BinaryIO) -> None:
        """Write the norms as indented JSON."""
        import orjson

        if not self.utterances:
            hint = "records need audio, and `split`, if any, must be train"
            raise ConfigError(
                f"--fit: no record to fit on; left out: {self._left_out()}", hint=hint
            )
        content = prosody_fitting.fit(self.utterances)
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def summary(self) -> str:
        """Return the counts of what was fitted on and what was left out."""
        vowels = sum(len(utterance.vowels) for utterance in self.utterances)
        speakers = len({utterance.speaker for utterance in self.utterances} - {None})
        numbers = f"{len(self.utterances)} utterances, {vowels} vowels, {speakers} speakers"
        hint = "" if vowels else " (emocli align finds the vowels)"
        return f"norms fitted on {numbers}{hint}; left out: {self._left_out()}"

    def _left_out(self) -> str:
        return ", ".join(f"{n} {why}" for why, n in self.left_out.items()) or "none"


def _only(fields: tuple[str, ...], measures: Record) -> Record:
    return {field: measures.get(field) for field in fields}
