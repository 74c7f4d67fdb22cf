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
    chosen = AlignOptions(
        aligner, language, model, textgrid, transcripts, max_misfit, device, offline
    )
    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: neither jsonl nor textgrid")
    chosen.check()
    work = align.stage(run.context, chosen)
    if write_textgrid is not None:
        work = pipeline.chain(work, align.writing_textgrids(write_textgrid))
    if format_ == "jsonl":
        return run.through(work)
    show = align.only_textgrid(writing.place(run.flags["output"]), run.streams.stdout)
    return run.without_output().through(work, show=show)
