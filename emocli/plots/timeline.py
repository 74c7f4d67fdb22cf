"""The picture of a recording: probabilities, a strip per speaker and of the face, and words."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emocli.plots import captions, legend, page, palette, strips, tiers
from emocli.plots.talk import Part, Talk, Utterance
from emocli.plots.talk_page import EDGE, GAP, POINTS, RIGHT, UNANSWERED, Page

# Heights in pixels, our choice.
TITLE, PANEL, STRIP, AXIS = 40.0, 170.0, 26.0, 48.0
TITLE_POINTS = 12
WORDS_PX_PER_S = 45.0  # from here on words have room at their own times


def draw(talk: Talk, part: Part, width: int, title: str | None = None) -> Figure:
    """Return the page of a talk; its first line has a title, or the name of the recording."""
    sheet = Page(talk, part, width)
    unanswered = any(u.emotion is None for u in sheet.said)
    entries = [*sheet.colours.items(), *([(UNANSWERED, palette.NO_ANSWER)] if unanswered else [])]
    rows = legend.rows(entries, EDGE, width - 2 * EDGE)
    words = _words(sheet)
    placed = [] if words else _placed(sheet)
    top = TITLE + legend.LINE * len(rows) + GAP
    below = top + PANEL + GAP
    bottom = below + STRIP * len(sheet.rows)
    beneath = sum(tier.height for tier in words) + captions.height(placed)
    figure = page.figure(width, bottom + AXIS + beneath + GAP)
    _title(figure, sheet, title)
    for i, row in enumerate(rows):
        legend.draw(figure, row, TITLE + legend.LINE * (i + 0.5))
    probabilities(page.axes(figure, sheet.left, top, sheet.across, PANEL), sheet, sheet.said)
    strips.draw(page.axes(figure, sheet.left, below, sheet.across, bottom - below), sheet)
    at = bottom + AXIS
    for tier in words:
        axes = page.axes(figure, sheet.left, at, sheet.across, tier.height)
        tiers.draw(axes, tier, sheet.px_per_s)
        axes.set(xlim=(sheet.first, sheet.last), xticks=[])
        at += tier.height
    if placed:
        axes = page.axes(figure, sheet.left, at, sheet.across, captions.height(placed))
        captions.draw(axes, placed, sheet.across)
    return figure


def _title(figure: Figure, sheet: Page, title: str | None) -> None:
    count = f"{len(sheet.said)} utterance{'' if len(sheet.said) == 1 else 's'}"
    first = title if title is not None else sheet.talk.name.rpartition("/")[2] or "records"
    room = sheet.width - EDGE - RIGHT - page.width_px(count, POINTS) - EDGE
    style = {"fontsize": TITLE_POINTS, "weight": "bold"}
    page.write(figure, EDGE, 22, page.fitting(first, room / page.BOLD, TITLE_POINTS), **style)
    page.write(figure, sheet.width - RIGHT, 22, count, fontsize=POINTS, ha="right")


def probabilities(axes: Axes, sheet: Page, said: list[Utterance]) -> None:
    """Draw the mean probabilities of what is said, one above the other; nothing in silence."""
    answered = [u for u in said if u.shares]
    if answered:
        times, means = sheet.over_time(answered, sheet.columns(answered))
        tops = np.cumsum(means, 1)
        # Each reaches from the bottom up, the highest drawn first, so that no seams show.
        for place, colour in reversed(list(enumerate(sheet.colours.values()))):
            axes.stairs(tops[:, place], times, baseline=0, fill=True, color=colour, linewidth=0)
    axes.set(xlim=(sheet.first, sheet.last), ylim=(0, 1), yticks=(0, 0.5, 1))
    axes.set_yticklabels(("0", "0.5", "1"))
    axes.tick_params(labelbottom=False, bottom=False)
    axes.set_ylabel("probability", fontsize=POINTS)
    axes.yaxis.set_label_coords(-(sheet.left - EDGE - 4) / sheet.across, 0.5)


def _words(sheet: Page) -> list[tiers.Tier]:
    """Return a tier of words per speaker, if they have room at their times."""
    if sheet.talk.in_order or sheet.px_per_s < WORDS_PX_PER_S:
        return []
    found = {
        name: [
            tiers.Span(word["start"], word["end"], str(word.get("text") or "").strip())
            for utterance in said
            for word in tiers.read(utterance.words, "words", "a word", sheet.first, sheet.last)
        ]
        for name, said in sheet.speakers.items()
    }
    rows = {name: sorted(words, key=lambda span: span.start) for name, words in found.items()}
    named = {name: words for name, words in rows.items() if words}
    return [
        tiers.fitted(
            "words" if len(named) == 1 else page.fitting(name, sheet.room_of_names, POINTS),
            words,
            sheet.px_per_s,
        )
        for name, words in named.items()
    ]


def _placed(sheet: Page) -> list[captions.Placed]:
    """Return the captions that have room, the most confident first, neutral ones last."""
    told = [u for u in sheet.said if u.text and u.emotion is not None]
    most_px = captions.longest(len(told), sheet.across)
    found = []
    for utterance in told:
        moment = (max(utterance.start, sheet.first) - sheet.first) * sheet.px_per_s
        weight = utterance.confidence - (1.0 if utterance.emotion == "neutral" else 0.0)
        colour = sheet.colours.get(utterance.emotion or "", palette.OTHER)
        text = captions.cut(utterance.text, most_px)
        found.append(captions.Caption(moment, text, weight, colour))
    return captions.placed(found, sheet.across)
