"""The tables of `summarize` on a terminal: per cent of the emotions, means, and their intervals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emocli.errors import printable
from emocli.records import Record
from emocli.scoring.summary_groups import BIN
from emocli.scoring.summary_lines import fields, group, lines
from emocli.scoring.summary_options import DURATION
from emocli.scoring.table import drawn, number, plain, span

CELL = len("12-100")  # characters of an interval in per cent
EDGES = 2  # characters of a table beside its columns, each of which ends with a space
SECONDS_PER_MINUTE = 60
OF_ALL = {"shares": "% of {whole}", "probabilities": "mean probability, %"}


def text(rows: Sequence[Record], terminal: bool) -> str:
    """Return the tables of all rows: those of the same fields stand in one."""
    groups = itertools.groupby(rows, key=lambda found: tuple(found.get("by", {})))
    together = [(names, list(found)) for names, found in groups]

    def parts(width: int) -> list[RenderableType]:
        return [
            part
            for names, found in together
            for part in (_grouped(found, width) if names else _single(found[0]))
        ]

    return drawn(parts, terminal)


def _single(found: Record) -> list[RenderableType]:
    """Return the table of all records: a line for each emotion and number."""
    over = f", 95 % over {found['clusters']} {found['resampled']}s" if found["bootstrap"] else ""
    what = f"{found['of']}s of {found['summarized']} of {found['records']} records{over}"
    table = Table("", box=box.SIMPLE, padding=0)
    for name in ("count", f"% of {_whole(found)}", "95 %", "mean probability, %", "95 %"):
        table.add_column(name, justify="right")
    for line in lines(found):
        share, mean = (line["share_low"], line["share_high"]), (line["mean_low"], line["mean_high"])
        is_share = line["name"] in found["counts"]
        means = (percent(line["mean"]), percents(mean))
        if not is_share:
            means = (number(line["mean"]), span(list(mean)))
        cells = (percent(line["share"]), percents(share)) if is_share else ("", "")
        table.add_row(plain(line["name"]), str(line["count"]), *cells, *means)
    return [_line(what), table]


def _line(text: str) -> Text:
    return Text(printable(text))


def _grouped(rows: list[Record], width: int) -> list[RenderableType]:
    """Return tables with a line per group: shares, mean probabilities, and means of numbers."""
    found: list[RenderableType] = []
    for figure, words in OF_ALL.items():
        if figure in rows[0]:
            found.append(_line(words.format(whole=_whole(rows[0])) + _below_is(rows)))
            found += _parts(rows, figure, width)
    if numbers := list(rows[0].get("rated", ())):
        found.append(_line(f"mean{_below_is(rows)}"))
        found.append(_table(rows, numbers, lambda row, name: _number(row, name)))
    return found


def _below_is(rows: list[Record]) -> str:
    over = sorted({row["resampled"] for row in rows if row["resampled"]})
    return f"; 95 % below, over {'+'.join(over)}s" if rows[0]["bootstrap"] and over else ""


def _parts(rows: list[Record], figure: str, width: int) -> list[RenderableType]:
    """Return the table of a figure of every emotion, in parts that fit into a width."""
    emotions = list(rows[0][figure])
    heads = [*fields(rows), "n"]
    lines = [[*_names(row, rows), str(row["summarized"])] for row in rows]
    taken = EDGES + sum(1 + max(map(len, column)) for column in zip(heads, *lines, strict=True))
    needed = [1 + max(len(name), CELL) for name in emotions]
    parts: list[RenderableType] = []
    while emotions:
        ends = list(itertools.accumulate(needed))
        count = max(1, sum(end <= width - taken for end in ends))
        parts.append(_table(rows, emotions[:count], lambda row, name: _share(row, figure, name)))
        emotions, needed = emotions[count:], needed[count:]
    return parts


def _table(rows: list[Record], columns: list[str], cell: Callable[[Record, str], str]) -> Table:
    table = Table(box=box.SIMPLE, padding=0)
    for name in fields(rows):
        table.add_column(plain(name))
    table.add_column("n", justify="right")
    for name in columns:
        table.add_column(plain(name), justify="right", no_wrap=True)
    for row in rows:
        cells = [cell(row, name) for name in columns]
        table.add_row(*_names(row, rows), str(row["summarized"]), *cells)
    return table


def _names(row: Record, rows: Sequence[Record]) -> list[str]:
    return [plain(_value(group(row, name), name)) for name in fields(rows)]


def _value(value: Any, name: str) -> str:
    """Return the value of a group; the begin of a bin as minutes and seconds."""
    if not name.startswith(BIN) or not isinstance(value, float):
        return str(value)
    minutes, seconds = divmod(value, SECONDS_PER_MINUTE)
    return f"{minutes:.0f}:{seconds:0>2g}"


def _share(row: Record, figure: str, name: str) -> str:
    return _below(percent(row[figure][name]), percents(row["intervals"][figure][name]))


def _number(row: Record, name: str) -> str:
    return _below(number(row[name]), span(row["intervals"][name]))


def _below(value: str, interval: str) -> str:
    return value if interval == "-" else f"{value}\n[dim]{interval}[/dim]"


def percent(share: float | None) -> str:
    """Return a share in per cent, without decimals: intervals are wider than that.

    >>> percent(0.126), percent(None)
    ('13', '-')
    """
    return "-" if share is None else f"{100 * share:.0f}"


def percents(pair: Sequence[float | None]) -> str:
    """Return an interval of shares in per cent, "-" if it is undefined."""
    low, high = pair
    return "-" if low is None or high is None else f"{percent(low)}-{percent(high)}"


def _whole(found: Record) -> str:
    return "seconds" if found["weight"] == DURATION else "utterances"
