"""Draw figures by group with their confidence intervals."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli.picture import Kind, Output, Target, Title, Width

Rows = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Output of score --by or summarize --by; '-' or none is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Metric = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Figures to draw, as they are called in the input."),
]


def command(
    source: Rows = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    title: Title = None,
    metric: Metric = None,
) -> int:
    """Draw figures by group with their confidence intervals.

    Reads the records that `score --by` or `summarize --by` writes in a pipe. There is a panel for
    each figure and a line for each group, with the number of its records; a dot is hollow where the
    interval is undefined. Drawn are the main figures of the task, or the shares of the emotions;
    --metric names others, such as weighted_f1, valence.ccc or probabilities.joy.

    Example:
        emocli score predictions.jsonl --by speaker,dataset | emocli plot groups -o groups.pdf
    """
    target = Target(output, form, width)
    from emocli.plots import clip as clips
    from emocli.plots import groups as drawing

    name = clips.source(target.streams.stdin, source)
    groups = drawing.find(name, target.streams.stdin, metric)
    return target.write(lambda: drawing.draw(groups, width, title))
