"""Find when each word and each speech sound is said.

Reads `text`, and `audio` or the file at `path`; cuts long recordings by the times in `words`. Adds
`phones` (phone in IPA, start, end, word, is_vowel, stress, original), `words` with their times,
and `alignment`: aligner, model, version, language, words whose pronunciation was guessed, misfit.
Streams.

English goes through Pocketsphinx's dictionary, espeak-ng guesses words that it lacks; other
languages through espeak-ng and the nearest sounds of English, or --model, a CTC model of phones or
letters. --textgrid takes your own alignment: DIR/NAME.TextGrid (tiers phones and words) or
DIR/NAME.lablaut, NAME being the record's id or its path, with another suffix. Without a text the
nuclei of syllables stand in for vowels, and `phone` is null.

Where text and audio disagree too much the record gets `missing.phones` (cannot_align) and goes on;
screams are refused more often than calm speech, and --max-misfit 20 refuses nothing that fits in.
--transcripts DIR gives records without a text that of DIR/NAME.txt or .lab. --write-textgrid DIR
also writes a TextGrid of each record; --format textgrid writes that of one record instead.

Example:
    emocli align --transcripts clips clips/a.wav | jq -c '.phones[] | select(.is_vowel)'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from emocli import pipeline
from emocli.cli import flags, options
from emocli.errors import RecordError, UsageError
from emocli.io import writing
from emocli.io.store import Store
from emocli.records import Record

ALIGNERS = ("auto", "pocketsphinx", "ctc", "textgrid", "nuclei")
FORMATS = ("jsonl", "textgrid")


@dataclass(frozen=True)
class How:
    """What to align with; the folders and the model where they are given."""

    aligner: str = "auto"
    language: str | None = None
    model: str | None = None
    textgrid: Path | None = None
    transcripts: Path | None = None
    max_misfit: float | None = None
    device: str = "auto"
    offline: bool = False


@options.filter("jobs", "store")
def command(
    run: options.Run,
    aligner: Annotated[
        str, typer.Option(metavar="|".join(ALIGNERS), help="What to align with.")
    ] = "auto",
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of the text (default: the record's, or en).")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A CTC model of the catalog, the hub, or a folder."),
    ] = None,
    textgrid: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where your own alignments are.")
    ] = None,
    transcripts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where texts are: NAME.txt or NAME.lab.")
    ] = None,
    write_textgrid: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write NAME.TextGrid of every record, too.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="jsonl|textgrid", help="What to write of a record.")
    ] = "jsonl",
    max_misfit: Annotated[
        float | None,
        typer.Option(metavar="NATS", help="Misfit a frame that is never too much (6.9; CTC: 2)."),
    ] = None,
    device: flags.Device = "auto",
    offline: flags.Offline = False,
) -> int:
    """Find when each word and each speech sound is said."""
    how = How(aligner, language, model, textgrid, transcripts, max_misfit, device, offline)
    _check(how, format_)
    work = stage(run.store, how, jobs=run.jobs)
    if write_textgrid is not None:
        work = pipeline.chain(work, partial(_written, write_textgrid))
    if format_ == "jsonl":
        return run.through(work)
    from emocli.stages.align import files

    target, run.flags["output"] = writing.place(run.flags["output"]), None
    return run.through(work, show=files.Alone(target, run.world.stdout))


def _check(how: How, format_: str) -> None:
    if how.aligner not in ALIGNERS:
        raise UsageError(f"--aligner {how.aligner}: none of {', '.join(ALIGNERS)}")
    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: neither jsonl nor textgrid")
    if how.aligner == "ctc" and how.model is None:
        raise UsageError("--aligner ctc needs --model, a CTC model of phones or letters")
    if how.aligner == "textgrid" and how.textgrid is None:
        raise UsageError("--aligner textgrid needs --textgrid, a folder of alignments")
    for flag, folder in (("textgrid", how.textgrid), ("transcripts", how.transcripts)):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"--{flag} {folder}: no such folder")


def _written(folder: Path, incoming: Iterator[Record]) -> Iterator[Record]:
    from emocli.stages.align import files

    return files.written(folder, incoming)


def stage(store: Store | None, how: How | None = None, *, jobs: int = 1) -> pipeline.Stage:
    """Return the stage that adds `phones`, in processes (the aligner has a state of its own).

    A network runs in this process, on its device.
    """
    how = how or How()
    work = partial(align, how=how, store=store)
    return pipeline.each(work, name="align", modality="phones", jobs=1 if how.model else jobs)


def align(record: Record, how: How, store: Store | None) -> Record:
    """Add `phones`, `words` and `alignment` to a record; one without audio stays as it is."""
    from emocli.commands import extract_audio
    from emocli.stages.align import files, result, transcript

    if how.transcripts is not None and record.get("text") is None:
        text = files.transcript(how.transcripts, record)
        record |= {} if text is None else {"text": text}
    if _chosen(how) == "textgrid" and how.textgrid:
        spans, words, about = files.own(how.textgrid, record)
        return result.add(record, spans, words, about, 0.0)
    if extract_audio.passed_on(record, "align"):
        return record
    samples = extract_audio.samples(record, store)
    offset = extract_audio.span_of(record)[0] or 0.0
    try:
        spans, words, about = transcript.find(record, samples, how, _chosen(how))
    except RecordError:
        for field in ("phones", "alignment"):  # of another text, or another aligner
            record.pop(field, None)
        raise
    return result.add(record, spans, words, about, offset)


def _chosen(how: How) -> str:
    """Return the aligner that the flags name; auto where the text decides."""
    if how.aligner != "auto":
        return how.aligner
    if how.textgrid is not None:
        return "textgrid"
    return "auto" if how.model is None else "ctc"
