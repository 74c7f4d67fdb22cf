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
        if "compared" in rows[0]:
            head += ["other", "difference", r"95\,\%", "$p$"]
            body = [[*line, *_pair(rows[0], name)] for line, name in zip(body, names, strict=True)]
    else:
        names = [name for name in task.shown if name in names]
        fields = list(dict.fromkeys(name for row in rows for name in row["by"]))
        head = [escaped(fields[0]) if len(fields) == 1 else "", "records"]
        head += [escaped(name) for name in names]
        body = [
            [
                _group(row, fields),
                str(row["scored"]),
                *(" ".join(_cells(row, n)).strip() for n in names),
            ]
            for row in rows
        ]
    row = rows[0]
    about = (
        f"task {task.name}, {row['bootstrap']} resamples of {row['clusters']} {row['resampled']}s"
    )
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
