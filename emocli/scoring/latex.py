"""The figures of `score` as a LaTeX table with booktabs."""

from __future__ import annotations

from emocli.errors import printable
from emocli.records import Record
from emocli.scoring.columns import field
from emocli.scoring.tasks import Task

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
} | {sign: f"\\{sign}" for sign in "&%$#_"}


def latex(rows: list[Record], task: Task) -> str:
    """Return a tabular with a line per figure, or per group of --by; intervals in brackets."""
    names = [name for name in task.names if field(rows[0]["intervals"], name) is not None]
    if "by" not in rows[0]:
        body = [[escaped(name), *_cells(rows[0], name)] for name in names]
        head = ["", "value", r"95\,\%"]
        if control := rows[0].get("control"):
            head += ["control", r"95\,\%"]
            body = [[*line, *_cells(control, n)] for line, n in zip(body, names, strict=True)]
        if "compared" in rows[0]:
            head += ["other", "difference", r"95\,\%", "$p$"]
            body = [[*line, *_pair(rows[0], name)] for line, name in zip(body, names, strict=True)]
    else:
        names = [name for name in task.shown if name in names]
        fields = list(dict.fromkeys(name for row in rows for name in row["by"]))
        head = [escaped(fields[0]) if len(fields) == 1 else "", "records"]
        head += [text for name in names for text in _heads(rows, escaped(name))]
        body = [
            [
                _group(row, fields),
                str(row["scored"]),
                *(text for name in names for text in _beside(rows, row, name)),
            ]
            for row in rows
        ]
    row = rows[0]
    about = (
        f"task {task.name}, {row['bootstrap']} resamples of {row['clusters']} {row['resampled']}s"
    )
    if controls := [row["control"] for row in rows if "control" in row]:
        about += f"; control: {controls[0]['of']}"
    return tabular(about, head, body)


def tabular(about: str, head: list[str], body: list[list[str]]) -> str:
    """Return a tabular of LaTeX cells below a comment; the first column is left-aligned."""
    lines = [" & ".join(line) + r" \\" for line in body]
    return "\n".join(
        [
            f"% emocli score: {printable(about)}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def escaped(text: str) -> str:
    r"""Return a text with the special characters of LaTeX and control characters escaped.

    >>> escaped("jsd_bits & 5 %")
    'jsd\\_bits \\& 5 \\%'
    """
    return "".join(SPECIAL.get(sign, sign) for sign in printable(text))


def cell(value: float | None, interval: list[float | None] | None) -> str:
    """Return a figure, and its interval in brackets if it has one."""
    low, high = interval or (None, None)
    return _number(value) + ("" if low is None else f" [{_number(low)}, {_number(high)}]")


def _group(row: Record, fields: list[str]) -> str:
    ((name, value),) = row["by"].items()
    return escaped(str(value) if len(fields) == 1 else f"{name} {value}")


def _cells(row: Record, name: str) -> tuple[str, str]:
    low, high = field(row["intervals"], name)
    return _number(field(row, name)), "" if low is None else f"[{_number(low)}, {_number(high)}]"


def _heads(rows: list[Record], name: str) -> list[str]:
    """Return the head of a figure of --by, and that of its control if any row has one."""
    return [name, "control"] if any("control" in row for row in rows) else [name]


def _beside(rows: list[Record], row: Record, name: str) -> list[str]:
    """Return a figure of --by, and that of its control if any row has one."""
    sides = [row, row.get("control")] if any("control" in row for row in rows) else [row]
    return [" ".join(_cells(side, name)).strip() if side else "--" for side in sides]


def _pair(row: Record, name: str) -> list[str]:
    pair = field(row["compared"], name)
    low, high = pair["interval"]
    interval = "" if low is None else f"[{_number(low)}, {_number(high)}]"
    return [_number(pair["other"]), _number(pair["difference"]), interval, _number(pair["p"])]


def _number(value: float | None) -> str:
    """Return a figure with three decimals, and with a minus sign, not a hyphen."""
    if value is None:
        return "--"
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if value >= 0 else f"$-${-value:.3f}"
