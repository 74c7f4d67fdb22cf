"""Draw the faces of a film: frames with boxes, when each is seen, what the judged one shows."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import flags
from emocli.cli.picture import Kind, Output, Target, Title, Width

Film = Annotated[
    str | None,
    typer.Argument(
        metavar="[INPUT]", help="Records, or a film; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Name = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="The record to draw (default: the first).")
]


def command(
    source: Film = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    title: Title = None,
    name: Name = None,
    store: flags.StoreDir = None,
) -> int:
    """Draw the faces of a film: frames with boxes, when each is seen, what the judged one shows.

    Reads the first record, or the one given with --id: `video.faces` of extract-video or encode,
    and its film for the frames, of which at most eight are shown. Faces that a record lacks are
    looked for here. A face has its number and its colour in every frame; the judged one has a thick
    line, others a dashed one. Below them are bars for when each face is seen.

    In between are the probabilities of the judged face over time: of the features of the encoder
    face-expression (its logits divided by 6, as they are far too sure otherwise), else those of
    `unimodal.video`; where there are neither, the net is asked here. `prediction` has a strip. With
    several judged faces each has a strip, and the first the probabilities.

    Example:
        emocli plot faces clip.mp4 -o faces.png
        emocli extract-video clip.mp4 --face each | emocli plot faces -o faces.png
    """
    target = Target(output, form, width)
    from emocli.io.store import Store
    from emocli.plots import clip as clips
    from emocli.plots import faces as drawing
    from emocli.plots import faces_seen

    record = clips.find(target.streams.stdin, source, name)
    with clips.naming(record):
        seen = faces_seen.read(record, Store(store), drawing.MOST_FRAMES, target.say)
        return target.write(lambda: drawing.draw(seen, width, title))
