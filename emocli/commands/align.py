"""Find the start and end of each word and each speech sound.

Reads `text`, and `audio` or the file at `path`; long recordings are cut by the times in `words`.
Adds `phones` (phone in IPA, start, end, word, is_vowel, stress, original), `words` with their
times, and `alignment`: aligner, model, version, language, words with a guessed pronunciation,
misfit. Streams.

Pronunciations of English come from Pocketsphinx's dictionary, and from espeak-ng for words that it
lacks. For other languages they come from espeak-ng, with the nearest sounds of English, or from
--model, a CTC model of phones or letters. --textgrid reads your own alignments: DIR/NAME.TextGrid
(tiers phones and words) or DIR/NAME.lablaut, where NAME is the record's id, or its path
without the suffix. A word of theirs is silence where no sound lies in it, whatever it is called.
Without a text, syllable nuclei stand in for vowels, and `phone` is null.

Where text and audio disagree too much, the record gets `missing.phones` (cannot_align) and goes on;
this happens to screams more often than to calm speech. --max-misfit 20 accepts every text that fits
into the recording. --transcripts DIR gives records without a text that of DIR/NAME.txt or .lab; one
for which there is no such file gets `missing.text` (no_transcript), and goes on without.
--write-textgrid DIR also writes a TextGrid of each record; --format textgrid writes that of one
record instead of JSON Lines.

Example:
    emocli align --transcripts clips clips/a.wav | jq -c '.phones[] | select(.is_vowel)'
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emocli import pipeline
from emocli.cli import flags, options
from emocli.errors import UsageError
from emocli.io import writing
from emocli.stages import align
from emocli.stages.align.options import ALIGNERS, AlignOptions

FORMATS = ("jsonl", "textgrid")


@options.filter("jobs", "store")
def command(
    run: options.Run,
    aligner: Annotated[str, typer.Option(metavar="|".join(ALIGNERS), help="The aligner.")] = "auto",
    language: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Language of the text (default: the record's, or en)."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A CTC model of the catalog, the hub, or a folder."),
    ] = None,
    textgrid: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of your own alignments.")
    ] = None,
    transcripts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of texts: NAME.txt or NAME.lab.")
    ] = None,
    write_textgrid: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write NAME.TextGrid of every record.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="jsonl|textgrid", help="Format of the output.")
    ] = "jsonl",
    max_misfit: Annotated[
        float | None,
        typer.Option(metavar="NATS", help="Accept any misfit per frame up to this (6.9; CTC: 2)."),
    ] = None,
    device: flags.Device = "auto",
    offline: flags.Offline = False,
) -> int:
    """Find the start and end of each word and each speech sound."""
    align_options = AlignOptions(
        aligner, language, model, textgrid, transcripts, max_misfit, device, offline
    )
    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: not one of {', '.join(FORMATS)}")
    align_options.check()
    work = align.stage(run.context, align_options)
    if write_textgrid is not None:
        work = pipeline.chain(work, align.writing_textgrids(write_textgrid))
    if format_ == "jsonl":
        return run.through(work)
    if run.common.resume:
        raise UsageError("--resume with --format textgrid: there is one record, nothing to resume")
    show = align.only_textgrid(writing.place(run.common.output), run.streams.stdout)
    return run.without_output().through(work, show=show)
