"""Transcribe the speech of a recording, with the time of each word.

Reads `audio`, or the file at `path`. Adds `text`, `words` (text, start, end, probability),
`language`, `language_probability`, `audio.speech_s` (seconds in which a voice is certain) and
`transcript`: model, revision, engine, mean_word_probability, no_speech_probability and duration (of
the sound, in seconds). Streams, in batches of like length.

Long recordings are cut into utterances: see --segment and --segments in man emocli-predict.

A record that has a `text` keeps it unless --overwrite is given. Where nobody speaks `text` is
empty, which is not an error.

The default is two models: Whisper base hears which language is spoken, Whisper tiny.en transcribes
English, base the rest; a `language` that the record brought, or --language, is believed. --model
takes another model of the catalog, a hub id or a folder, in the format of faster-whisper or of
transformers. A multilingual one does all of it; for one that knows English alone base listens, too,
and a record in another language is passed on with a note in `missing.text`, which is not a failure.

--format csv and tsv write a table: id, path, start, end, speaker, language, text, error. srt and
vtt write subtitles, textgrid the words for Praat, all of one recording. A suffix of --output (.csv,
.tsv, .srt, .vtt, .TextGrid) does as well; --format is stronger.

Example:
    emocli transcribe clip.wav | jq -r .text
    emocli transcribe interview.mp3 --output interview.srt
"""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from emocli import pipeline
from emocli.cli import flags, options, output_format
from emocli.io import formats
from emocli.pipeline import windows
from emocli.stages import spoken_language, textgrids, transcribe


@options.filter("store", "device", "segment")
def command(
    run: options.Run,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A model of the catalog, the hub, or a folder.")
    ] = transcribe.DEFAULT,
    beam_size: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Hypotheses kept; 1 is faster but less accurate."),
    ] = transcribe.BEAM,
    language: flags.Language = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also transcribe records that have a text.")
    ] = False,
    form: flags.FormatOfWords = None,
) -> int:
    """Transcribe the speech of a recording, with the time of each word."""
    name = output_format.chosen(run, form, (*output_format.RECORDS, formats.TEXTGRID))
    needs_text = functools.partial(transcribe.needs_text, overwrite=overwrite)
    work = transcribe.stage(run.context, model=model, beam_size=beam_size, wanted=needs_text)
    if language is not None:
        work = pipeline.chain(spoken_language.stated(language), work)
    window = windows.of(run.context.batch(transcribe.BATCH), transcribe.work(needs_text))
    if name == formats.TEXTGRID:
        return run.through(work, window=window, form=textgrids.TextGrid())
    columns = formats.utterances()
    columns.insert(-2, formats.field("language"))
    return run.through(work, window=window, form=formats.made(name or "jsonl", columns))
