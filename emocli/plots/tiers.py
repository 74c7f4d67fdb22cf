"""Tiers of labelled spans beneath a picture: phones, words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from emocli.errors import RecordError
from emocli.plots import page
from emocli.records import Record

# Font sizes in points; the first that fits is taken. Smaller text would be illegible.
SIZES = (12, 11, 10, 9, 8, 7)
LEADING = 1.9  # the height of a line in font sizes
PAPER = "#ffffff"
HATCHED: dict[str, Any] = {"hatch": "///", "edgecolor": "#c0c0c0"}


@dataclass(frozen=True)
class Span:
    """A span of time in seconds, its text and its colour."""

    start: float
    end: float
    text: str
    colour: str = PAPER
    hatched: bool = False


@dataclass(frozen=True)
class Tier:
    """Spans with their font size; labels in one line or in two."""

    name: str
    spans: list[Span]
    points: float
    lines: int

    @property
    def height(self) -> float:
        """The height in pixels."""
        return self.lines * self.points * LEADING * page.POINT_PX


def read(items: Any, field: str, name: str, first: float, last: float) -> Iterator[Record]:
    """Yield the objects of a list that lie between two times; RecordError if it is no list."""
    if not isinstance(items or [], list):
        raise RecordError(f"bad_{field}", f"{field} is not a list: {items!r:.80}")
    for item in items or []:
        start, end = (item.get("start"), item.get("end")) if isinstance(item, dict) else (0, None)
        if not isinstance(start, int | float) or not isinstance(end, int | float):
            raise RecordError(f"bad_{field}", f"{name} has no start and end: {item!r:.80}")
        if start < last and end > first:
            yield item


def fitted(name: str, spans: list[Span], px_per_s: float) -> Tier:
    """Return a tier with the largest font size that fits, in two lines if necessary."""
    for lines, sizes in ((1, SIZES[:-1]), (2, SIZES[:-2]), (1, SIZES), (2, SIZES)):
        for points in sizes:
            if _fits(spans, points, lines, px_per_s):
                return Tier(name, spans, points, lines)
    return Tier(name, spans, SIZES[-1], 2)


def _fits(spans: list[Span], points: float, lines: int, px_per_s: float) -> bool:
    return len(_readable(spans, points, lines, px_per_s)) == len(spans)


def _readable(spans: list[Span], points: float, lines: int, px_per_s: float) -> set[int]:
    """Return the labels that fit: each ends before the next one on its line begins."""
    kept: set[int] = set()
    ends = [-math.inf] * lines
    for i, span in enumerate(spans):
        middle = (span.start + span.end) / 2 * px_per_s
        half = page.width_px(span.text, points) / 2
        room = (span.end - span.start) * px_per_s / 2
        line = i % lines
        # On one line a label stays in its box; on two it may extend over neighbouring boxes.
        if middle - half >= ends[line] and (lines == 2 or half <= room):
            kept.add(i)
            ends[line] = middle + half + 2
    return kept


def draw(axes: Axes, tier: Tier, px_per_s: float) -> None:
    """Draw boxes with their labels; a box without room for its label has none."""
    readable = _readable(tier.spans, tier.points, tier.lines, px_per_s)
    for i, span in enumerate(tier.spans):
        place, length = (span.start, 0), span.end - span.start
        if span.hatched:
            axes.add_patch(Rectangle(place, length, 1, facecolor=PAPER, linewidth=0, **HATCHED))
        face = "none" if span.hatched else span.colour
        axes.add_patch(Rectangle(place, length, 1, facecolor=face, edgecolor=page.FAINT, lw=0.6))
        if i in readable:
            height = 0.5 if tier.lines == 1 else (0.74, 0.26)[i % 2]
            _label(axes, span, height, tier.points)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_ylabel(tier.name, rotation=0, ha="right", va="center", labelpad=8)


def _label(axes: Axes, span: Span, height: float, points: float) -> None:
    """Write a label, with a halo in its box's colour where it extends over another box."""
    style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "clip_on": True}
    style["path_effects"] = [withStroke(linewidth=2.5, foreground=span.colour)]
    middle = (span.start + span.end) / 2
    axes.text(middle, height, span.text, fontsize=points, color=page.ink(span.colour), **style)
