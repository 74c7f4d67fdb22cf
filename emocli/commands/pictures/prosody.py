"""Draw a clip: its sound, pitch, vowels and words."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import flags
from emocli.cli.picture import Kind, Output, Target, Title, Width

Clip = Annotated[
    str | None,
    typer.Argument(
        metavar="[INPUT]", help="Records, or a media file; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Name = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="The record to draw (default: the first).")
]
By = Annotated[
    str,
    typer.Option(
        metavar="pitch|slope|intensity|duration|...", help="The level that colours the vowels."
    ),
]
Start = Annotated[float | None, typer.Option(metavar="SECONDS", help="Show from here.")]
End = Annotated[float | None, typer.Option(metavar="SECONDS", help="Show up to here.")]


def command(
    source: Clip = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1200,
    title: Title = None,
    name: Name = None,
    by: By = "pitch",
    start: Start = None,
    end: End = None,
    store: flags.StoreDir = None,
) -> int:
    """Draw a clip: its sound, pitch, vowels and words.

    The picture has the waveform, the spectrogram overlaid with pitch and intensity, and below them
    the phones and words.

    Reads the first record, or the one given with --id; missing prosody is measured here. Vowels are
    coloured by level, from very low to very high (--by pitch, slope, intensity, duration, or any
    other level in prosody.vowels). The first line has the prediction and the label, if present.

    The spectrogram shows 0 to 5 kHz and a range of 60 dB, with a Gaussian window of 5 ms as in
    Praat. A page holds at most 60 s: --start and --end select them, in seconds of the recording.

    Example:
        emocli prosody clip.wav | emocli predict | emocli plot prosody -o clip.png
    """
    target = Target(output, form, width)
    from emocli.io.store import Store
    from emocli.plots import clip as clips
    from emocli.plots import prosody as drawing

    record = clips.find(target.streams.stdin, source, name)
    with clips.naming(record):
        clip = clips.prepare(record, Store(store), (start, end), by)
        return target.write(lambda: drawing.draw(clip, width, title))
