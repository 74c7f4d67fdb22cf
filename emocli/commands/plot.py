"""Draw prosody, a confusion matrix, a reliability diagram or training, as PNG, SVG or PDF.

Each picture is one page. It is written to the --output file, in the format that the file name
implies, or to stdout. The same input gives the same bytes: neither dates nor user settings go in.
The colours suit colour-blind readers. Needs `pip install 'emocli[plot]'`.

Example:
    emocli plot prosody clip.wav -o clip.png
    emocli score predictions.jsonl | emocli plot confusion -o confusion.svg
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emocli.cli import flags, options
from emocli.errors import ExitStatus, UsageError
from emocli.io import messages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

KINDS = ("png", "svg", "pdf")
LEAST_PX, MOST_PX = 400, 10_000

Clip = Annotated[
    str | None,
    typer.Argument(
        metavar="[INPUT]", help="Records, or a media file; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Metrics = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Output of score; '-' or no argument is stdin.", show_default=False
    ),
]
Lines = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Output of train --log; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE; '-' is stdout."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="|".join(KINDS), help="File format (default: by the file name)."
    ),
]
Width = Annotated[
    int, typer.Option(metavar="PIXELS", help="Width; the size of letters stays the same.")
]
Group = Annotated[
    str | None, typer.Option(metavar="VALUE", help="The group of score --by to draw.")
]
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


@app.command()
def prosody(
    source: Clip = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1200,
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
    other level in prosody.vowels). The title has the prediction and the label, if present.

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
        return target.write(lambda: drawing.draw(clip, width))


@app.command()
def confusion(
    source: Metrics = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    group: Group = None,
) -> int:
    """Draw a confusion matrix: counts, and shares of each true label.

    Reads the output of `score`: the first record, or with --group one of the groups of --by.

    Example:
        emocli score predictions.jsonl | emocli plot confusion -o confusion.png
    """
    return _scores("confusion", source, group, Target(output, form, width))


@app.command()
def reliability(
    source: Metrics = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 700,
    group: Group = None,
) -> int:
    """Draw a reliability diagram: accuracy by confidence.

    Reads the output of `score`: the first record, or with --group one of the groups of --by. The
    bars of a calibrated model end on the diagonal; below is the number of records in each bin.

    Example:
        emocli score predictions.jsonl | emocli plot reliability -o reliability.png
    """
    return _scores("reliability", source, group, Target(output, form, width))


@app.command()
def training(
    source: Lines = None, *, output: Output = None, form: Kind = None, width: Width = 1000
) -> int:
    """Draw a training run: losses and held-out figures by epoch.

    Reads the output of `train --log FILE`, also while training still runs. A dotted line marks the
    epoch that was kept; each seed and each fold has a line of its own.

    Example:
        emocli train features.jsonl -o model --log log.jsonl
        emocli plot training log.jsonl -o training.png
    """
    target = Target(output, form, width)
    from emocli.plots import clip as clips
    from emocli.plots import training as drawing

    runs = drawing.find(clips.source(target.streams.stdin, source), target.streams.stdin)
    return target.write(lambda: drawing.draw(runs, width))


def _scores(picture: str, source: str | None, group: str | None, target: Target) -> int:
    from emocli.plots import clip as clips
    from emocli.plots import scores

    name = clips.source(target.streams.stdin, source)
    row = scores.find(name, target.streams.stdin, group)
    draw = getattr(scores, picture)
    return target.write(lambda: draw(row, target.width))


class Target:
    """The destination of a picture, checked before the work begins."""

    def __init__(self, output: Path | None, form: str | None, width: int) -> None:
        self.streams = options.standard_streams()
        self.path = None if output is None or str(output) == "-" else output
        self.kind, self.width = self._kind(form), width
        if not LEAST_PX <= width <= MOST_PX:
            raise UsageError(f"--width {width}: not between {LEAST_PX} and {MOST_PX} pixels")
        if self.path is None and self.streams.stdout.isatty():
            raise UsageError("a picture cannot be written to a terminal", hint="-o picture.png")
        from emocli.plots import page

        page.check()

    def _kind(self, form: str | None) -> str:
        """Return the file format: by --format, by the file name, or PNG for stdout."""
        kind = form or (self.path.suffix.lower().lstrip(".") if self.path else KINDS[0])
        if kind not in KINDS:
            flag = f"--format {form}" if form else f"--output {self.path}"
            raise UsageError(f"{flag}: not one of {', '.join(KINDS)}", hint="-o picture.png")
        return kind

    def write(self, draw: Callable[[], Figure]) -> int:
        """Draw, and write the file, completely or not at all."""
        from emocli.io.writing import whole_file
        from emocli.plots.page import render

        data, undrawable = render(draw, self.kind)
        with whole_file(self.path, self.streams.stdout) as stream:
            stream.write(data)
        if undrawable:
            text = (
                f"no installed font has {undrawable[:20]}: drawn as boxes (install Noto Sans CJK)"
            )
            messages.say(self.streams.stderr, "plot", text)
        return ExitStatus.OK
