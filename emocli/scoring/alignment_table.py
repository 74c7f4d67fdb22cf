"""The tables of `score --alignment`, for a terminal or for LaTeX."""

from __future__ import annotations

from rich.table import Table

from emocli.records import Record
from emocli.scoring.latex import cell, escaped, tabular
from emocli.scoring.table import drawn, number, plain, span

Value = tuple[float | None, list[float | None] | None]  # a figure and its interval
Section = tuple[str, list[str], list[tuple[str, list[Value]]]]  # title, columns, named rows

NOTHING: Value = (None, None)


def text(row: Record, form: str, terminal: bool) -> str:
    """Return the tables of a record that has figures."""
    parts = [_votes(row), _sources(row), _thirds(row)]
    if form == "latex":
        return "".join(_latex(part) for part in parts)
    return drawn(lambda _: [_table(part) for part in parts], terminal)


def _votes(row: Record) -> Section:
    fit = row["saturation"]
    reached = "" if fit["reached"] else ", extrapolated"
    within = "" if fit["votes"] is None else f", within 10 % of it at {fit['votes']} votes{reached}"
    title = (
        f"divergence from people's votes by synthetic votes: {row['scored']} of {row['records']} "
        f"records, falls to {number(fit['asymptote_jsd_bits'])}{within}"
    )
    points = row["by_votes"]["points"]
    rows = [(str(point["votes"]), [(point["jsd_bits"], point["interval"])]) for point in points]
    return title, ["votes", "jsd_bits"], rows


def _sources(row: Record) -> Section:
    rows = []
    for name, source in row["sources"].items():
        both = [(source[key], source["intervals"][key]) for key in ("fleiss_kappa", "entropy_bits")]
        rows.append((name, [(source["votes_per_record"], None), *both]))
    return "by who voted", ["source", "votes_per_record", "fleiss_kappa", "entropy_bits"], rows


def _thirds(row: Record) -> Section:
    rows = []
    for third in row["ambiguity"]:
        pairs = [third.get(side) for side in ("synthetic", "prediction")]
        values = [(pair["jsd_bits"], pair["interval"]) if pair else NOTHING for pair in pairs]
        rows.append((third["ambiguity"], [(third["records"], None), *values]))
    title = "divergence (jsd_bits) by how much people disagree"
    return title, ["ambiguity", "records", "synthetic", "prediction"], rows


def _table(part: Section) -> Table:
    title, (first, *columns), rows = part
    table = Table(first, title=plain(title), title_justify="left")
    for name in columns:
        table.add_column(name, justify="right")
    for name, values in rows:
        table.add_row(plain(name), *(_cell(*value) for value in values))
    return table


def _cell(value: float | None, interval: list[float | None] | None) -> str:
    if interval is None or interval[0] is None:
        return number(value)
    return f"{number(value)}  [dim]{span(interval)}[/dim]"


def _latex(part: Section) -> str:
    title, columns, rows = part
    body = [[escaped(name), *(cell(*value) for value in values)] for name, values in rows]
    return tabular(title, [escaped(name) for name in columns], body)
