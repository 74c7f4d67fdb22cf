"""What `score` draws on a terminal."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from emocli.metrics.report import NAMES

Record = dict[str, Any]


def draw(rows: list[Record], stdout: BinaryIO) -> None:
    """Write one table of figures, and for a single row those of each class and the confusions."""
    terminal = stdout.isatty()
    text = io.StringIO()
    # In a pipe a table is as wide as it needs to be, and has no colour.
    console = Console(file=text, force_terminal=terminal, width=None if terminal else 200)
    if "by" in rows[0]:
        console.print(_groups(rows))
    else:
        for table in (_figures(rows[0]), _classes(rows[0]), _confusion(rows[0])):
            console.print(table)
    stdout.write(text.getvalue().encode("utf-8", "backslashreplace"))
    stdout.flush()


def _figures(row: Record) -> RenderableType:
    title = f"{row['scored']} of {row['records']} records"
    table = Table("", title=title, title_justify="left")
    table.add_column("value", justify="right")
    table.add_column(f"95 % ({row['clusters']} x {row['resampled']})", justify="right")
    for name in NAMES:
        table.add_row(name, _text(row[name]), _range(row["intervals"][name]))
    return table


def _classes(row: Record) -> RenderableType:
    table = Table("label")
    for name in ("precision", "recall", "f1", "support"):
        table.add_column(name, justify="right")
    for label, figures in row["per_class"].items():
        table.add_row(escape(label), *(_text(value) for value in figures.values()))
    return table


def _confusion(row: Record) -> RenderableType:
    labels = row["confusion"]["labels"]
    table = Table("truth \\ prediction")
    for label in labels:
        table.add_column(escape(label), justify="right")
    for index, (label, counts) in enumerate(zip(labels, row["confusion"]["matrix"], strict=True)):
        cells = [f"[bold]{n}[/bold]" if i == index else str(n) for i, n in enumerate(counts)]
        table.add_row(escape(label), *cells)
    return table


def _groups(rows: list[Record]) -> RenderableType:
    table = Table(*rows[0]["by"])
    for name in ("scored", "records", *NAMES):
        table.add_column(name, justify="right")
    for row in rows:
        group = ", ".join(str(value) for value in row["by"].values())
        table.add_row(escape(group), *(_text(row[name]) for name in ("scored", "records", *NAMES)))
    return table


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _range(pair: list[float | None]) -> str:
    return "-" if pair[0] is None else f"{_text(pair[0])} .. {_text(pair[1])}"
