"""Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store.

Reads `path`, with `start` and `end` for records of a part of a file. Adds `audio`: path in the
store, sample_rate_hz, duration, channels of the source, decoder, and a `warning` where the sound is
not what it says: less than its header claims or the span asks for, joined of parts with different
rates, samples beyond full scale (they are clipped), channels that cancel each other. A header with
less than 4 kHz, more than 3 MHz or 64 channels is an error (decode_failed). Streams.

Stereo is averaged, so a voice in both channels keeps its level. wav, flac, aiff and ogg need no
ffmpeg; all other formats go through ffmpeg. Any file name is safe: options or protocols in it are
not interpreted. A video without audio gets `missing.audio` and goes on; so does a record that has
only a text, which is not a failure.

A recording on stdin has the id and the path <stdin>. Its file is gone once this command ends, but
its sound is in the store: begin a pipe with this command if a later step needs the sound.

With --segment vad a record is replaced by one record per stretch of speech of at most 30 s, with
the id "id#start-end" and its own `start`, `end` and `audio`.

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
        str, typer.Option(metavar="none|vad", help="Cut long recordings at pauses in the speech.")
    ] = "none",
) -> int:
    """Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store."""
    if segment not in SEGMENTERS:
        raise UsageError(f"--segment {segment}: not one of {', '.join(SEGMENTERS)}")
    if segment == "vad":
        return run.through(extract_audio.in_segments(run.context))
    return run.through(extract_audio.stage(run.context))
