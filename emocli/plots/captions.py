"""Captions beneath an axis of time: what is said, with a line up to the moment when it is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emocli.plots import page

LINES = 5  # the most below a picture, our choice
MOST = 400  # captions that are tried, the weightiest
POINTS = 8.0
LINE_PX = 16.0
ROOMY = 1.05  # small letters are drawn wider than they are, in whole pixels
CUT_PX = 165.0  # where captions are cut if there are many
GAP_PX = 8.0  # between captions of a line, and between a caption and the line to another


@dataclass(frozen=True)
class Caption:
    """A text that belongs to a moment, in pixels from the left; the more weight the sooner."""

    moment: float
    text: str
    weight: float
    colour: str


@dataclass(frozen=True)
class Placed:
    """A caption with its left and right edge in pixels, and its line from 0, the uppermost."""

    caption: Caption
    left: float
    right: float
    line: int


def placed(captions: Sequence[Caption], across: float) -> list[Placed]:
    """Return the captions that have room, the weightiest first to be given it.

    No caption covers another, or a line that leads up from another.
    """
    chosen: list[Caption] = []
    best: list[Placed] = []
    for caption in sorted(captions, key=lambda c: -c.weight)[:MOST]:
        if any(abs(caption.moment - other.moment) < GAP_PX / 2 for other in chosen):
            continue
        tried = _arranged([*chosen, caption], across)
        if tried is not None:
            chosen.append(caption)
            best = tried
    used = sorted({place.line for place in best})  # without lines that are empty
    return [Placed(p.caption, p.left, p.right, used.index(p.line)) for p in best]


def _arranged(captions: Sequence[Caption], across: float) -> list[Placed] | None:
    """Return places for all captions, None if they do not fit.

    From left to right each goes to the deepest line to which its own line has a free way, so that
    those after it may stand above.
    """
    done: list[Placed] = []
    for caption in sorted(captions, key=lambda c: c.moment):
        width = ROOMY * page.width_px(caption.text, POINTS)
        left = max(0.0, min(caption.moment, across - width))
        for line in reversed(range(LINES)):
            place = Placed(caption, left, left + width, line)
            if all(_apart(place, other) for other in done):
                done.append(place)
                break
        else:
            return None
    return done


def _apart(one: Placed, two: Placed) -> bool:
    """Say whether two captions do not touch, nor one the line that leads up from the other."""
    if one.line == two.line:
        return one.left >= two.right + GAP_PX or two.left >= one.right + GAP_PX
    above, below = (one, two) if one.line < two.line else (two, one)
    leader = below.caption.moment
    return not above.left - GAP_PX / 2 < leader < above.right + GAP_PX / 2


def longest(count: int, across: float) -> float:
    """Return the width to which captions are cut: the wider the fewer there are."""
    return min(across, max(CUT_PX, across * LINES / (2 * max(count, 1)))) / ROOMY


def cut(text: str, most_px: float) -> str:
    """Return a text of limited width, cut between words if it is too long.

    >>> cut("so that was what he said", 90)
    'so that was…'
    """
    line = page.fitting(text, float("inf"), POINTS)
    if page.width_px(line, POINTS) <= most_px:
        return line
    kept = ""
    for letter in line:
        if page.width_px(f"{kept}{letter}…", POINTS) > most_px:
            break
        kept += letter
    at_word = kept.rpartition(" ")[0]
    return f"{(at_word if 2 * len(at_word) > len(kept) else kept).rstrip(' ,.;:')}…"


def draw(axes: Axes, placed: Sequence[Placed], across: float) -> None:
    """Write captions, with a line up to the moment and a mark in the colour of each."""
    axes.set(xlim=(0, across), ylim=(height(placed), 0))
    axes.axis("off")
    for place in placed:
        middle = (place.line + 1) * LINE_PX
        x = place.caption.moment
        axes.add_line(Line2D((x, x), (0, middle - 6), color=page.FAINT, linewidth=0.6))
        axes.plot((x,), (0,), marker="v", markersize=5, color=place.caption.colour, clip_on=False)
        style: dict[str, Any] = {"fontsize": POINTS, "va": "center", "color": page.DARK}
        axes.text(place.left, middle, place.caption.text, **style)


def height(placed: Sequence[Placed]) -> float:
    """Return the pixels that captions take."""
    return (1.5 + max(place.line for place in placed)) * LINE_PX if placed else 0.0
