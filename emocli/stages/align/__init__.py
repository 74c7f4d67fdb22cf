"""Add the speech sounds of a recording, and the times of its words and sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from emocli import pipeline
from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import clear_note, lose
from emocli.stages.align.options import AlignOptions


def stage(context: Context, options: AlignOptions | None = None) -> pipeline.Stage:
    """Return the stage that adds `phones`, in worker processes: the aligner keeps state.

    A CTC network runs in this process, on its device.
    """
    from emocli.stages.align import transcript  # noqa: F401 - imported once, before workers fork

    options = options or AlignOptions()
    work = partial(align, options=options, store=context.store)
    jobs = 1 if options.model else context.jobs
    return pipeline.each(work, name="align", modality="phones", jobs=jobs)


def writing_textgrids(folder: Path) -> pipeline.Stage:
    """Return the stage that writes the TextGrid of each record into a folder and passes it on."""

    def write(incoming: Iterator[Record]) -> Iterator[Record]:
        from emocli.stages.align import files

        return files.written(folder, incoming)

    return write


def only_textgrid(path: Path | None, stdout: BinaryIO) -> Callable[[Record], bool]:
    """Return a function that writes the TextGrid of a single record, and refuses a second."""
    from emocli.stages.align import files

    return files.OnlyTextGrid(path, stdout)


def align(record: Record, options: AlignOptions, store: Store | None) -> Record:
    """Add `phones`, `words` and `alignment` to a record; one without audio stays as it is."""
    from emocli.stages.align import files, result, transcript

    warning: Record = {}
    if options.transcripts is not None and record.get("text") is None:
        warning = _with_transcript(record, options.transcripts)
    if options.chosen == "textgrid" and options.textgrid:
        spans, words, about = files.existing(options.textgrid, record)
        return result.add(record, spans, words, warning | about, 0.0)
    if audio.passed_on(record, "align"):
        return record
    samples = audio.samples(record, store)
    offset = audio.span_of(record)[0] or 0.0
    try:
        spans, words, about = transcript.find(record, samples, options)
    except RecordError:
        for field in ("phones", "alignment"):  # of another text, or another aligner
            record.pop(field, None)
        raise
    return result.add(record, spans, words, about | warning, offset)


def _with_transcript(record: Record, folder: Path) -> Record:
    """Add `text` from a file, or note that there is none; return the warning about it, if any."""
    from emocli.stages.align import files

    try:
        record["text"], warning = files.transcript(folder, record)
    except RecordError as error:
        lose(record, failures.Failure(failures.problem("align", error)), "text")
        return {}
    clear_note(record, "text")
    return warning
