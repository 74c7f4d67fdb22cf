"""Draw a confusion matrix: counts, and shares of each true label."""

from __future__ import annotations

from emocli.cli.picture import Group, Kind, Metrics, Output, Target, Title, Width


def command(
    source: Metrics = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    title: Title = None,
    group: Group = None,
) -> int:
    """Draw a confusion matrix: counts, and shares of each true label.

    Reads the output of `score`: the first record, or with --group one of the groups of --by.

    Example:
        emocli score predictions.jsonl | emocli plot confusion -o confusion.png
    """
    target = Target(output, form, width)
    from emocli.plots import clip as clips
    from emocli.plots import scores

    name = clips.source(target.streams.stdin, source)
    row = scores.find(name, target.streams.stdin, group)
    return target.write(lambda: scores.confusion(row, width, title))
