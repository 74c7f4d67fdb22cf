"""Draw a reliability diagram: accuracy by confidence."""

from __future__ import annotations

from emocli.cli.picture import Group, Kind, Metrics, Output, Target, Title, Width


def command(
    source: Metrics = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 700,
    title: Title = None,
    group: Group = None,
) -> int:
    """Draw a reliability diagram: accuracy by confidence.

    Reads the output of `score`: the first record, or with --group one of the groups of --by. The
    bars of a calibrated model end on the diagonal; below is the number of records in each bin.

    Example:
        emocli score predictions.jsonl | emocli plot reliability -o reliability.png
    """
    target = Target(output, form, width)
    from emocli.plots import clip as clips
    from emocli.plots import scores

    name = clips.source(target.streams.stdin, source)
    row = scores.find(name, target.streams.stdin, group)
    return target.write(lambda: scores.reliability(row, width, title))
