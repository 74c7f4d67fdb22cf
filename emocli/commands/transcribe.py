"""Transcribe the speech of a recording, with the time of each word.

Reads `audio`, or the file at `path`. Adds `text`, `words` (text, start, end, probability),
`language`, `language_probability`, `audio.speech_s` (seconds in which a voice is certain) and
`transcript`: model, revision, engine, mean_word_probability and no_speech_probability. Streams, in
batches of like length.

A record that has a `text` keeps it unless --overwrite is given. Where nobody speaks `text` is
empty, which is not an error.

The default is two models: Whisper base hears which language is spoken, Whisper tiny.en transcribes
English, base the rest; a `language` that the record brought is believed. --model takes another
model of the catalog, a hub id or a folder, in the format of faster-whisper or of transformers. A
multilingual one does all of it; for one that knows English alone base listens, too, and a record in
another language is passed on with a note in `missing.text`, which is not a failure.

Example:
    emocli transcribe clip.wav | jq -r .text
"""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from emocli.cli import options
from emocli.pipeline import windows
from emocli.stages import transcribe


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A model of the catalog, the hub, or a folder.")
    ] = transcribe.DEFAULT,
    beam_size: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Hypotheses kept; 1 is faster but less accurate."),
    ] = transcribe.BEAM,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also transcribe records that have a text.")
    ] = False,
) -> int:
    """Transcribe the speech of a recording, with the time of each word."""
    needs_text = functools.partial(transcribe.needs_text, overwrite=overwrite)
    work = transcribe.stage(run.context, model=model, beam_size=beam_size, wanted=needs_text)
    window = windows.of(run.context.batch(transcribe.BATCH), transcribe.work(needs_text))
    return run.through(work, window=window)
