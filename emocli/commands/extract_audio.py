"""Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store.

Reads `path` (with `start` and `end`, where a record is about a part of it). Adds `audio`: path in
the store, sample_rate_hz, duration, channels of the source, decoder, and a warning where only a
part could be decoded. Streams.

Stereo is averaged, so a voice in both channels keeps its level. wav, flac, aiff and ogg need no
ffmpeg; everything else goes through ffmpeg, and any file name is a file name: an option or a
protocol in it means nothing. A video without audio gets `missing.audio` and flows on; so does a
record that is only a text, which is no failure.

With --segment vad a record becomes one for each stretch of speech of at most 30 s, named
"id#start-end", with its own `start`, `end` and `audio`.

Example:
    emocli extract-audio interview.mp4 | jq .audio
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import UsageError
from emocli.stages import extract_audio

SEGMENTERS = ("none", "vad")


@options.filter("jobs", "store")
def command(
    run: options.Run,
    segment: Annotated[
        str, typer.Option(metavar="none|vad", help="Cut long recordings where nobody speaks.")
    ] = "none",
) -> int:
    """Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store."""
    if segment not in SEGMENTERS:
        raise UsageError(f"--segment {segment}: none of {', '.join(SEGMENTERS)}")
    if segment == "vad":
        return run.through(extract_audio.segments(run.context), one_to_one=False)
    return run.through(extract_audio.stage(run.context))
