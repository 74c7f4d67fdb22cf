"""A strip per speaker over time, in the colours of the answers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from emocli.plots import clock, page, palette, tiers
from emocli.plots.talk_page import POINTS, UNANSWERED, Page

NAME_POINTS = 8.0
SEEN_PX = 4.0  # of the shortest utterances whose edges are drawn


def draw(axes: Axes, sheet: Page) -> None:
    """Draw a strip per speaker in the colours of the answers, with their names where these fit."""
    names = [*sheet.colours, UNANSWERED]
    for row, (_, said) in enumerate(sheet.rows):
        times, means = sheet.over_time(said, sheet.answers(said))
        spoken = ~np.isnan(means[:, 0])
        for begin, end, place in _runs(times, np.where(spoken, np.nan_to_num(means).argmax(1), -1)):
            colour = [*sheet.colours.values(), palette.NO_ANSWER][place]
            _block(axes, sheet, (begin, end, row), names[place], colour)
        long = (u for u in said if (u.end - u.start) * sheet.px_per_s >= SEEN_PX)
        starts = [u.start for u in long if not u.seen]
        axes.vlines(starts, row + 0.12, row + 0.88, color="white", linewidth=0.7)
    axes.set(xlim=(sheet.first, sheet.last), ylim=(len(sheet.rows), 0))
    shown = [page.fitting(name, sheet.room_of_names, POINTS) for name, _ in sheet.rows]
    axes.set_yticks(np.arange(len(shown)) + 0.5, shown, fontsize=POINTS)
    axes.tick_params(axis="y", length=0)
    for row in range(1, len(shown)):
        axes.axhline(row, color="#e0e0e0", linewidth=0.8, zorder=0)
    if sheet.talk.in_order:
        axes.set_xlabel("utterance, in order", fontsize=POINTS)
    else:
        clock.label(axes, sheet.first, sheet.last, sheet.across)


def _runs(times: Any, places: Any) -> list[tuple[float, float, int]]:
    """Return begin, end and place of what stays the same; times without any (-1) are left out."""
    changes = np.flatnonzero(np.diff(places)) + 1
    pairs = pairwise([0, *changes.tolist(), len(places)])
    return [(float(times[a]), float(times[b]), int(places[a])) for a, b in pairs if places[a] >= 0]


def _block(
    axes: Axes, sheet: Page, where: tuple[float, float, int], name: str, colour: str
) -> None:
    begin, end, row = where
    style: dict[str, Any] = {"facecolor": colour, "linewidth": 0}
    if name == UNANSWERED:
        style |= {**tiers.HATCHED, "linewidth": 0.5}
    block = Rectangle((begin, row + 0.12), end - begin, 0.76, **style)
    axes.add_artist(block)  # the limits are known: thousands need not be asked for theirs
    if (end - begin) * sheet.px_per_s > page.width_px(name, NAME_POINTS) + 4:
        place = ((begin + end) / 2, row + 0.5)
        text: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": NAME_POINTS}
        axes.text(*place, name, color=page.ink(colour), clip_on=True, **text)
