"""The picture of a film's faces: frames with boxes, when each is seen, and what they show."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from emocli.modalities.faces_told import Track
from emocli.plots import clock, legend, page, strips, timeline
from emocli.plots.faces_seen import Seen
from emocli.plots.talk_page import EDGE, GAP, POINTS, RIGHT, Page

# P. Tol's vibrant scheme (see `palette`), without the hues of emotions; a face beyond it is grey.
COLOURS = ("#ee7733", "#0077bb", "#009988", "#ee3377", "#33bbee", "#cc3311")
FURTHER = "#777777"
MOST_FRAMES, MOST_ROWS = 8, 6  # frames; faces with a row, the most visible. Our choice.
# Sizes in pixels, our choice.
TITLE, LABEL, PANEL, STRIP, ROW, AXIS, NOTE = 40.0, 18.0, 150.0, 26.0, 18.0, 48.0, 18.0
CELL_WIDTH, CELL_HEIGHT = 236.0, 220.0  # of a frame, at most


def draw(seen: Seen, width: int, title: str | None = None) -> Figure:
    """Return the page; its first line has a title, or the name of the record."""
    room = width - EDGE - RIGHT
    cell, columns = _cells(seen, room)
    lines = -(-len(seen.frames) // columns)
    faces = legend.rows(_faces(seen), EDGE, room)
    top = TITLE + legend.LINE * len(faces) + GAP
    below = top + lines * (cell[1] + LABEL) + GAP
    sheet = Page(seen.talk, _part(seen), width) if seen.talk.utterances else None
    emotions = legend.rows(list(sheet.colours.items()), EDGE, room) if sheet else []
    panel = below + legend.LINE * len(emotions) + GAP
    strip = panel + (PANEL + GAP if sheet else 0)
    rows = strip + (STRIP * len(sheet.speakers) + AXIS if sheet else 0)
    shown = seen.tracks[:MOST_ROWS]
    bottom = rows + ROW * len(shown) + (GAP if sheet else AXIS)
    notes = page.lines(_note(seen), room, 8)
    figure = page.figure(width, bottom + NOTE * len(notes))
    _title(figure, seen, title)
    for place, row in enumerate(faces):
        legend.draw(figure, row, TITLE + legend.LINE * (place + 0.5))
    for place, (time, image) in enumerate(seen.frames):
        left = EDGE + place % columns * (cell[0] + GAP)
        down = top + place // columns * (cell[1] + LABEL)
        _frame(page.axes(figure, left, down, *cell), seen, time, image)
        text = clock.text(time, min(seen.told.step_s, 1.0))
        page.write(figure, left, down + cell[1] + LABEL / 2, text, fontsize=POINTS)
    left, across = (sheet.left, sheet.across) if sheet else (62.0, width - 62.0 - RIGHT)
    if sheet:
        for place, row in enumerate(emotions):
            legend.draw(figure, row, below + legend.LINE * (place + 0.5))
        said = [u for u in sheet.said if u.speaker == next(iter(sheet.speakers))]
        timeline.probabilities(page.axes(figure, left, panel, across, PANEL), sheet, said)
        strips.draw(page.axes(figure, left, strip, across, rows - AXIS - strip), sheet)
    _rows(page.axes(figure, left, rows, across, ROW * len(shown)), seen, shown, across, sheet)
    for place, line in enumerate(notes):
        page.write(figure, EDGE, bottom + NOTE * (place + 0.5) - 3, line, fontsize=8)
    return figure


def _cells(seen: Seen, room: float) -> tuple[tuple[float, float], int]:
    """Return width and height of a frame on the page, and how many stand side by side."""
    high, wide = seen.frames[0][1].shape[:2]
    size = min(CELL_WIDTH / wide, CELL_HEIGHT / high, room / wide)
    columns = min(max(round((room + GAP) / (wide * size + GAP)), 1), MOST_FRAMES)
    size = min((room + GAP) / columns - GAP, 1.3 * wide * size) / wide
    return (max(wide * size, 24.0), max(high * size, 24.0)), columns


def _part(seen: Seen) -> tuple[float, float]:
    return float(seen.told.times[0]), seen.told.until


def colour(number: int) -> str:
    """Return the colour of a face, by its number."""
    return COLOURS[number - 1] if 1 <= number <= len(COLOURS) else FURTHER


def _faces(seen: Seen) -> list[tuple[str, str]]:
    """Return the legend of faces."""
    shown = [(_name(seen, track), colour(track.number)) for track in seen.tracks[: len(COLOURS)]]
    more = len(seen.tracks) - len(COLOURS)
    return shown + ([(f"{more} more", FURTHER)] if more > 0 else [])


def _name(seen: Seen, track: Track) -> str:
    judged = ", judged" if track.number in seen.judged else ""
    return f"face {track.number}{judged}"


def _title(figure: Figure, seen: Seen, title: str | None) -> None:
    count = f"{len(seen.tracks)} face{'' if len(seen.tracks) == 1 else 's'}"
    looked = len(seen.told.times)
    told = f"{count} in {looked} frame{'' if looked == 1 else 's'}"
    wide = figure.get_size_inches()[0] * page.DPI
    first = title if title is not None else seen.talk.name.rpartition("/")[2]
    room = (wide - EDGE - RIGHT - page.width_px(told, POINTS) - EDGE) / page.BOLD
    style: dict[str, Any] = {"fontsize": timeline.TITLE_POINTS, "weight": "bold"}
    page.write(figure, EDGE, 22, page.fitting(first, room, timeline.TITLE_POINTS), **style)
    page.write(figure, wide - RIGHT, 22, told, fontsize=POINTS, ha="right")


def _frame(axes: Axes, seen: Seen, time: float, image: Any) -> None:
    """Draw a frame with the boxes of its faces; the judged one has a thick line."""
    high, wide = image.shape[:2]
    axes.imshow(image, aspect="auto", interpolation="antialiased", extent=(0, wide, high, 0))
    axes.set(xlim=(0, wide), ylim=(high, 0), xticks=[], yticks=[])
    scale = wide / seen.width
    for track in reversed(seen.tracks):
        for box in track.boxes[np.abs(track.times - time) < 1e-3] * scale:
            _box(axes, track.number, box, judged=track.number in seen.judged)


def _box(axes: Axes, number: int, box: Any, *, judged: bool) -> None:
    x, y, wide, high = box
    ink = colour(number)
    line: dict[str, Any] = {"linewidth": 2.6} if judged else {"linewidth": 1.3, "linestyle": "--"}
    axes.add_patch(Rectangle((x, y), wide, high, facecolor="none", edgecolor=ink, **line))
    tag: dict[str, Any] = {"facecolor": ink, "edgecolor": "none", "pad": 1.2}
    text: dict[str, Any] = {"fontsize": 8, "ha": "left", "va": "bottom", "clip_on": True}
    weight = "bold" if judged else "normal"
    place = (max(x, 0.0), max(y, 0.0))
    axes.text(*place, str(number), color=page.ink(ink), weight=weight, bbox=tag, **text)


def _rows(axes: Axes, seen: Seen, shown: list[Track], across: float, sheet: Page | None) -> None:
    """Draw when each face is seen, and above the rows a tick for each frame that is shown."""
    first, last = _part(seen)
    for row, track in enumerate(shown):
        lengths = seen.told.ends(track.times) - track.times
        spans = list(zip(track.times.tolist(), lengths.tolist(), strict=True))
        judged = track.number in seen.judged
        height = (row + 0.2, 0.6) if judged else (row + 0.35, 0.3)
        axes.broken_barh(spans, height, facecolor=colour(track.number), linewidth=0)
    axes.set(xlim=(first, last), ylim=(len(shown), 0))
    axes.set_yticks(np.arange(len(shown)) + 0.5, [f"face {t.number}" for t in shown])
    axes.tick_params(axis="y", length=0, labelsize=POINTS)
    if sheet is None:
        clock.label(axes, first, last, across)
        return
    axes.set_xticks([time for time, _ in seen.frames], labels=[])
    axes.tick_params(axis="x", top=True, bottom=False)


def _note(seen: Seen) -> str:
    parts = [f"judged: {seen.why}"] if seen.why else []
    parts += [f"probabilities: {seen.source}"] if seen.source else []
    parts.append("bars: when a face is seen, ticks: the frames above")
    hidden = len(seen.tracks) - MOST_ROWS
    parts += [f"{hidden} faces without a row"] if hidden > 0 else []
    return "; ".join(parts)
