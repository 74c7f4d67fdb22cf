"""Draw a training run: losses and held-out figures by epoch."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli.picture import Kind, Output, Target, Title, Width

Lines = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Output of train --log; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip


def command(
    source: Lines = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    title: Title = None,
) -> int:
    """Draw a training run: losses and held-out figures by epoch.

    Reads the output of `train --log FILE`, also while training still runs. A ring marks the epoch
    that is kept, that of the least loss on held-out records.

    Of several seeds or folds each has a thin line; the thick one is their mean, in a band of one
    standard deviation, over the epochs that all of them reached. Streams of late fusion, which are
    trained one by one, have panels side by side.

    Example:
        emocli train features.jsonl -o model --log log.jsonl
        emocli plot training log.jsonl -o training.png
    """
    target = Target(output, form, width)
    from emocli.plots import clip as clips
    from emocli.plots import training as drawing

    runs = drawing.find(clips.source(target.streams.stdin, source), target.streams.stdin)
    return target.write(lambda: drawing.draw(runs, width, title))
