"""The picture of figures by group, with their intervals: from `score --by` or `summarize --by`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import opening
from emocli.plots import figures, page, palette
from emocli.records import Record

# Of the figures of score these are drawn, the first MOST_DEFAULT that there are; our choice.
DEFAULT = (
    "uar", "accuracy", "macro_f1", "jsd_bits", "blend_score", "presence", "salience", "ccc",
    "mae", "corr", "micro_f1", "strict.weighted_f1", "proportional.weighted_f1", "bhattacharyya",
)  # fmt: skip
MOST_DEFAULT = 3
SHARES = "shares"  # the figures of summarize that are drawn: one for each emotion
NAMES = {"uar": "UAR", "macro_f1": "macro F1", "ccc": "CCC", "jsd_bits": "JSD (bits)", "mae": "MAE"}
MOST_ROWS = 200  # groups; more have no room on a page that can be read
MOST_PANELS = 28

# Positions on the page, in pixels; our choice.
EDGE, RIGHT, TITLE, ROW, BLOCK = 16.0, 24.0, 40.0, 22.0, 30.0
HEAD, AXIS, GAP = 26.0, 40.0, 24.0
LEAST_PANEL, MOST_NAME = 110.0, 260.0
POINTS = 9
DOT, HOLLOW = 5.5, "white"
BLUE = "#4477aa"


@dataclass(frozen=True)
class Group:
    """A group: its field and value in words, the records in it, its figures with their ends."""

    field: str
    value: str
    count: int | None
    points: dict[str, tuple[float | None, tuple[float, float] | None]]


def find(name: str, stdin: BinaryIO, metrics: str | None) -> list[Group]:
    """Return the groups of a file with the figures to draw: those named, "a,b", or the main ones.

    Raises UsageError for figures that no group has.
    """
    rows = []
    for _, row in opening.read(name, stdin):
        if isinstance(row.get("by"), dict) and row["by"]:
            rows.append(row)
            if len(rows) > MOST_ROWS:
                hint = "fewer fields, or coarser ones, for --by"
                raise UsageError(f"more than {MOST_ROWS} groups do not fit on a page", hint=hint)
    if not rows:
        raise EmptyInputError("no groups", hint="score --by FIELD or summarize --by FIELD")
    known = list(dict.fromkeys(n for row in rows for n in _intervals(row.get("intervals"), "")))
    wanted = [name.strip() for name in metrics.split(",")] if metrics else _default(known)
    for name in wanted:
        if name not in known:
            raise UsageError(f"--metric: no group has {name}", hint=", ".join(known[:20]))
    if len(wanted) > MOST_PANELS:
        raise UsageError(f"--metric: {len(wanted)} figures, more than {MOST_PANELS}")
    return [_group(row, list(dict.fromkeys(wanted))) for row in rows]


def _intervals(value: Any, where: str) -> Iterator[str]:
    """Yield the dotted names of the figures that have an interval, defined or not."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _intervals(inner, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list) and where:
        yield where


def _default(known: Sequence[str]) -> list[str]:
    found = [name for name in DEFAULT if name in known][:MOST_DEFAULT]
    shares = [name for name in known if name.startswith(f"{SHARES}.")][:MOST_PANELS]
    found = found or shares or list(known[:MOST_DEFAULT])
    if not found:
        raise RecordError("no_intervals", "the groups have no figures", hint="score, summarize")
    return found


def _group(row: Record, names: Sequence[str]) -> Group:
    """Return what is drawn of a row; RecordError if a figure is no number."""
    by = row["by"]
    count = row.get("scored", row.get("summarized"))
    if count is not None:
        count = int(figures.number(count, "scored", 0, figures.LARGEST))
    points = {name: _point(row, name) for name in names}
    values = ("(none)" if value is None else str(value) for value in by.values())
    return Group(" × ".join(map(str, by)), ", ".join(values), count, points)


def _point(row: Record, name: str) -> tuple[float | None, tuple[float, float] | None]:
    value, ends = _inside(row, name), _inside(row.get("intervals"), name)
    bounds = (-figures.LARGEST, figures.LARGEST)
    if value is None:
        return None, None
    point = figures.number(value, name, *bounds)
    if not isinstance(ends, list) or len(ends) != 2 or None in ends:
        return point, None
    low, high = (figures.number(end, f"intervals.{name}", *bounds) for end in ends)
    return point, (min(low, high), max(low, high))


def _inside(value: Any, name: str) -> Any:
    """Return what stands under a dotted name; parts of a name may have dots themselves."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    first, _, rest = name.partition(".")
    return _inside(value.get(first), rest) if rest else None


def draw(groups: Sequence[Group], width: int, title: str | None = None) -> Figure:
    """Return the page: a panel per figure, a line per group, its value with its interval."""
    names = list(groups[0].points)
    labels = [_label(group) for group in groups]
    fields = (f"{group.field}:" for group in groups)
    left = max(page.width_px(text, POINTS) for text in (*labels, *fields)) + EDGE + 10
    most = max(1, int((width - left - RIGHT + GAP) // (LEAST_PANEL + GAP)))
    rows = -(-len(names) // most)
    columns = -(-len(names) // rows)  # as many in every row as in the others
    across = (width - left - RIGHT - GAP * (columns - 1)) / columns
    heights = [_height(groups), HEAD, AXIS]
    sheet = page.figure(width, TITLE + rows * sum(heights) + EDGE)
    text = page.fitting(title if title is not None else _title(groups), width - 2 * EDGE, 11)
    page.write(sheet, EDGE, 20, text, fontsize=11)
    limits = _limits(groups, [n for n in names if n.startswith(f"{SHARES}.")])
    for place, name in enumerate(names):
        row, column = divmod(place, columns)
        top = TITLE + row * sum(heights) + HEAD
        axes = page.axes(sheet, left + column * (across + GAP), top, across, heights[0])
        _panel(axes, groups, name, labels if column == 0 else None)
        axes.set_xlim(limits if name.startswith(f"{SHARES}.") else _limits(groups, [name]))
        axes.xaxis.set_major_locator(MaxNLocator(max(2, int(across // 55)), min_n_ticks=2))
    return sheet


def _label(group: Group) -> str:
    count = "" if group.count is None else f" ({group.count})"
    return page.fitting(group.value, MOST_NAME, POINTS) + count


def _blocks(groups: Sequence[Group]) -> list[tuple[float, bool]]:
    """Return how far down each group stands, in pixels, and whether a new field begins there."""
    several = len({group.field for group in groups}) > 1
    places, at = [], ROW / 2
    for number, group in enumerate(groups):
        begins = several and (not number or group.field != groups[number - 1].field)
        at += (BLOCK if number else ROW) if begins else 0.0
        places.append((at, begins))
        at += ROW
    return places


def _height(groups: Sequence[Group]) -> float:
    return _blocks(groups)[-1][0] + ROW / 2 + 4


def _title(groups: Sequence[Group]) -> str:
    fields = list(dict.fromkeys(group.field for group in groups))
    of_shares = all(name.startswith(f"{SHARES}.") for name in groups[0].points)
    what = "share of each emotion, " if of_shares else ""
    return f"{what}by {', '.join(fields)}, with 95 % intervals"


def _limits(groups: Sequence[Group], names: Sequence[str]) -> tuple[float, float]:
    """Return limits around all values and intervals; within 0 and 1 if these are."""
    points = [group.points[name] for group in groups for name in names]
    ends = [x for value, pair in points if value is not None for x in (value, *(pair or ()))]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 0.05 * max(abs(high), 0.1)
    return low - room, high + room


def _panel(axes: Axes, groups: Sequence[Group], name: str, labels: list[str] | None) -> None:
    """Draw a dot per group, hollow without an interval; say where the figure is undefined."""
    colour = palette.COLOURS.get(name.removeprefix(f"{SHARES}."), BLUE)
    if not name.startswith(f"{SHARES}."):
        colour = BLUE
    places = [at for at, _ in _blocks(groups)]
    for group, at in zip(groups, places, strict=True):
        value, ends = group.points[name]
        if value is None:
            style: dict[str, Any] = {"color": page.FAINT, "va": "center_baseline", "fontsize": 8}
            axes.text(0.03, at, "undefined", transform=axes.get_yaxis_transform(), **style)
            continue
        if ends:
            axes.plot(ends, (at, at), color=page.DARK, linewidth=1.3, zorder=2)
        face = colour if ends else HOLLOW
        edge: dict[str, Any] = {"markeredgecolor": page.DARK, "markeredgewidth": 0.8, "zorder": 3}
        axes.plot((value,), (at,), "o", markersize=DOT, markerfacecolor=face, **edge)
    shown = name.removeprefix(f"{SHARES}.")
    axes.set_title(NAMES.get(shown, shown), fontsize=10, loc="left", pad=6)
    axes.set_ylim(_height(groups), 0)
    axes.set_yticks(places, labels or [""] * len(places), fontsize=POINTS)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)
    for group, (at, begins) in zip(groups, _blocks(groups), strict=True):
        if begins:
            if at > BLOCK + ROW:  # not above the first
                axes.axhline(at - (ROW + BLOCK) / 2 - 4, color=page.FAINT, linewidth=0.6)
            if labels:
                place = (-0.01, at - ROW / 2 - 9)
                where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
                axes.text(*place, f"{group.field}:", fontsize=POINTS, style="italic", **where)
