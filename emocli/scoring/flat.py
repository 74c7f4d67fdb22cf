"""The figures of `score` as a table with a row per metrics record, for spreadsheets and pandas."""

from __future__ import annotations

from functools import partial
from typing import Any

from emocli.io.formats import Column, Table
from emocli.records import Record
from emocli.scoring.columns import field
from emocli.scoring.tasks import Task

COUNTS = ("task", "records", "scored", "coverage", "clusters")
ENDS = ("low", "high")
PAIRED = ("other", "difference", "p")  # of --compare
CONTROL = "control"


def table(rows: list[Record], task: Task, name: str) -> Table:
    """Return the format csv or tsv for metrics records: counts, figures, their intervals.

    The columns of `figure` are figure, figure_low and figure_high; of its control figure_control,
    figure_control_low and figure_control_high; compared with another file also figure_other,
    figure_difference and figure_p.
    """
    first = rows[0] if rows else {}
    columns: list[Column] = []
    if "by" in first:
        columns = [Column("by", partial(_group, 0)), Column("group", partial(_group, 1))]
    if "stream" in first:
        columns.append(_column("stream"))
    columns += [_column(count) for count in COUNTS]
    figures = [f for f in task.names if any(field(r["intervals"], f) is not None for r in rows)]
    for figure in figures:
        columns += [_column(figure), *_interval(figure)]
        if any(CONTROL in row for row in rows):
            columns.append(_column(f"{figure}_{CONTROL}", f"{CONTROL}.{figure}"))
            columns += _interval(figure, CONTROL)
        if "compared" in first:
            columns += [_column(f"{figure}_{key}", f"compared.{figure}.{key}") for key in PAIRED]
    return Table(columns, name)


def _column(name: str, place: str = "") -> Column:
    return Column(name, lambda row: field(row, place or name))


def _interval(figure: str, side: str = "") -> list[Column]:
    """Return the ends of the interval of a figure, or of its control."""
    name = f"{figure}_{side}" if side else figure
    place = f"{side}.intervals.{figure}".lstrip(".")
    return [Column(f"{name}_{end}", partial(_end, place, index)) for index, end in enumerate(ENDS)]


def _end(place: str, index: int, row: Record) -> Any:
    pair = field(row, place)
    return None if pair is None else pair[index]


def _group(index: int, row: Record) -> Any:
    """Return the field of --by, or its value."""
    return next(iter(row["by"].items()))[index]
