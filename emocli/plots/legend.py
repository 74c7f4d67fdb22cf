"""A legend of colours, in as many lines as it takes."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from emocli.plots import page, palette, tiers

LINE = 20.0  # pixels from line to line
PATCH = 11.0  # pixels of a colour
POINTS = 9.0
Row = list[tuple[float, str, str]]  # where an entry begins in pixels, its name and its colour


def rows(entries: list[tuple[str, str]], left: float, room: float) -> list[Row]:
    """Return the legend in lines that have room: where each entry begins, its name and colour."""
    found: list[Row] = [[]]
    at = 0.0
    for name, colour in entries:
        shown = page.fitting(name, 160, POINTS)
        needed = PATCH + 5 + page.width_px(shown, POINTS) + 14
        if found[-1] and at + needed - 14 > room:
            found.append([])
            at = 0.0
        found[-1].append((left + at, shown, colour))
        at += needed
    return found


def draw(figure: Figure, row: Row, middle: float) -> None:
    """Draw a line of a legend, whose middle is so many pixels below the upper edge."""
    wide, high = figure.get_size_inches() * page.DPI
    for left, name, colour in row:
        place = (left / wide, 1 - (middle + PATCH / 2) / high)
        style: dict[str, Any] = {"facecolor": colour, "edgecolor": page.FAINT, "linewidth": 0.5}
        if colour == palette.NO_ANSWER:
            style |= tiers.HATCHED
        size = (PATCH / wide, PATCH / high)
        figure.add_artist(Rectangle(place, *size, transform=figure.transFigure, **style))
        page.write(figure, left + PATCH + 5, middle, name, fontsize=POINTS)
