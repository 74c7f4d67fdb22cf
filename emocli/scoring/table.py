"""The tables of `score`, for a terminal or for LaTeX."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from emocli.errors import printable
from emocli.records import Record
from emocli.scoring.columns import field
from emocli.scoring.tasks import Task

OTHERS, CELL = 13, 17  # columns of a line of --by: border and count; a figure with its interval
PIPE_CELLS = 200  # the width in a pipe, wide enough for any table


def text(rows: list[Record], task: Task, form: str, terminal: bool) -> str:
    """Return the tables of metrics records: figures first, then the details of a single record."""
    if form == "latex":
        from emocli.scoring.latex import latex

        return latex(rows, task)
    return drawn(lambda width: tables(rows, task, width), terminal)


def plain(text: Any) -> str:
    """Return a text that neither rich nor a terminal obeys."""
    return escape(printable(str(text)))


def drawn(parts: Callable[[int], list[RenderableType]], terminal: bool) -> str:
    """Return tables as text; `parts` makes them for a width in characters."""
    page = io.StringIO()
    console = Console(
        file=page, force_terminal=terminal, width=None if terminal else PIPE_CELLS, highlight=False
    )
    for table in parts(console.width):
        console.print(table)
    return page.getvalue()


def tables(rows: list[Record], task: Task, width: int) -> list[RenderableType]:
    """Return the tables of a single record, or a table for each field of --by."""
    if "by" in rows[0]:
        names = list(dict.fromkeys(name for row in rows for name in row["by"]))
        return [_groups(name, [r for r in rows if name in r["by"]], task, width) for name in names]
    row = rows[0]
    drawings: list[RenderableType] = [_figures(row, task)]
    if "compared" in row:
        drawings.append(_compared(row, task))
    if "per_class" in row:
        drawings.append(_classes(row))
    if "confusion" in row:
        drawings.append(_confusion(row))
    return drawings


def _figures(row: Record, task: Task) -> Table:
    title = f"{task.name}: {row['scored']} of {row['records']} records"
    control = row.get("control")
    caption = f"control: {explained(control)}" if control else None
    table = Table("", title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("value", justify="right")
    table.add_column(f"95 % ({row['clusters']} x {plain(row['resampled'])})", justify="right")
    for name in ("control", "95 %") if control else ():
        table.add_column(name, justify="right")
    for name in names(row, task):
        sides = (row, control) if control else (row,)
        pairs = [(number(field(s, name)), span(field(s["intervals"], name))) for s in sides]
        table.add_row(plain(name), *(cell for pair in pairs for cell in pair))
    return table


def explained(control: Record) -> str:
    """Return what a control is, and what it rests on."""
    count, alone = control["stimuli"], control.get("alone")
    text = f"{control['of']}, {count} stimul{'us' if count == 1 else 'i'}"
    return text + (f"; {alone} records have a stimulus of no other speaker" if alone else "")


def names(row: Record, task: Task) -> list[str]:
    """Return the figures that a record has, defined or not."""
    return [name for name in task.names if field(row["intervals"], name) is not None]


def _compared(row: Record, task: Task) -> Table:
    pairs = row["compared"]
    title = f"compared with {plain(pairs['file'])}, {pairs['records']} records"
    table = Table("", title=title, title_justify="left")
    for name in ("this", "other", "difference", "95 %", "p"):
        table.add_column(name, justify="right")
    for name in names(row, task):
        pair = field(pairs, name)
        cells = [number(pair[key]) for key in ("value", "other", "difference")]
        table.add_row(plain(name), *cells, span(pair["interval"]), number(pair["p"]))
    return table


def _classes(row: Record) -> Table:
    table = Table("label")
    columns = list(next(iter(row["per_class"].values()), ()))
    for name in columns:
        table.add_column(name, justify="right")
    for label, figures in row["per_class"].items():
        table.add_row(plain(label), *(number(value) for value in figures.values()))
    return table


def _confusion(row: Record) -> Table:
    labels = row["confusion"]["labels"]
    table = Table("truth \\ prediction")
    for label in labels:
        table.add_column(plain(label), justify="right")
    for index, (label, counts) in enumerate(zip(labels, row["confusion"]["matrix"], strict=True)):
        cells = [f"[bold]{n}[/bold]" if i == index else str(n) for i, n in enumerate(counts)]
        table.add_row(plain(label), *cells)
    return table


def _groups(name: str, rows: list[Record], task: Task, width: int) -> Table:
    """Return a table with a row per group: as many figures as fit, their intervals below."""
    taken = max(len(printable(str(text))) for text in (name, *(r["by"][name] for r in rows)))
    taken += OTHERS
    figures = shown(rows, task)[: max(1, (width - taken) // CELL)]
    about = f"95 % below, of {plain(rows[0]['resampled'])}s" if rows[0]["bootstrap"] else ""
    control = next((row["control"] for row in rows if "control" in row), None)
    caption = f"control: {control['of']}" if control else None
    table = Table(
        plain(name),
        title=f"{task.name}: {about}".rstrip(": "),
        title_justify="left",
        caption=caption,
        caption_justify="left",
    )
    table.add_column("scored", justify="right")
    for figure in figures:
        table.add_column(plain(figure), justify="right")
    for row in rows:
        cells = [_cell(row, figure) for figure in figures]
        table.add_row(plain(row["by"][name]), str(row["scored"]), *cells)
    return table


def shown(rows: list[Record], task: Task) -> list[str]:
    """Return the figures to show side by side."""
    return [name for name in task.shown if name in names(rows[0], task)]


def _cell(row: Record, figure: str) -> str:
    value, pair = number(field(row, figure)), field(row["intervals"], figure)
    cell = value if pair[0] is None else f"{value}\n[dim]{span(pair)}[/dim]"
    if field(row, f"control.{figure}") is None:
        return cell
    return f"{cell}\n[dim]control[/dim] {_cell(row['control'], figure)}"


def number(value: float | None) -> str:
    """Return a figure with three decimals."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def span(pair: list[float | None]) -> str:
    """Return an interval."""
    return "-" if pair[0] is None else f"{number(pair[0])} .. {number(pair[1])}"
