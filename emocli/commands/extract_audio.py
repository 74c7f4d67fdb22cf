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

With --segment or --segments a recording is replaced by a record for each of its segments, as other
commands do by themselves with long recordings (man emocli-predict); the default is one record in,
one out.

Example:
    emocli extract-audio interview.mp4 | jq .audio
"""

from __future__ import annotations

from emocli.cli import options
from emocli.stages import extract_audio


@options.filter("jobs", "store", "segment_none")
def command(run: options.Run) -> int:
    """Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store."""
    return run.through(extract_audio.stage(run.context))
