"""The signal of a few electrodes over time, one above the other, with events and faults."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from emocli.plots import page
from emocli.plots.eeg_signal import Signal
from emocli.signals.eeg_marks import Mark
from emocli.signals.eeg_overview import Overview

ROW, EVENTS = 40.0, 20.0  # pixels, our choice
WRONG, INK = "#f6c9c2", "#333333"
POINTS = 8.0
LINE_PX = 12.0  # between events on average, so that lines may lead down through the signal
TYPICAL = 99.0  # percentile of the envelope that a row has room for
BEYOND = 0.9  # of a row's height, on either side of its middle: what goes further is cut there
ENOUGH_GOOD = 0.2  # share of a channel that has to be right to say how large it is
STEPS_UV = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def height(signal: Signal) -> float:
    """Return the pixels of the signal, without its events."""
    return ROW * len(signal.shown.names)


def draw(axes: Axes, signal: Signal) -> None:
    """Draw the signal, shaded where it is wrong, with a scale in uV at the right."""
    shown = signal.shown
    half = scale(shown)
    count = len(shown.names)
    for row in range(count):
        _shade(axes, shown, shown.wrong[row], (row, 1))
    _shade(axes, shown, shown.unusable, (0, count))
    for row in range(count):
        low, high = (
            row + 0.5 - np.clip(edge[row] / half * 0.46, -BEYOND, BEYOND)
            for edge in (shown.low, shown.high)
        )
        axes.fill_between(shown.times, low, high, color=INK, linewidth=0.6)
    axes.set(xlim=(shown.first, shown.last), ylim=(count, 0))
    axes.set_yticks(np.arange(count) + 0.5, [page.fitting(n, 44, 9) for n in shown.names])
    axes.tick_params(axis="y", length=0)
    _scale_bar(axes, half, count)


def scale(shown: Overview) -> float:
    """Return how many uV half a row is: what channels that are not wrong hardly ever exceed."""
    reach = np.fmax(np.abs(shown.low), np.abs(shown.high))
    good = np.isfinite(reach) & ~shown.wrong & ~shown.unusable
    rows = [r[ok] for r, ok in zip(reach, good, strict=True) if ok.mean() > ENOUGH_GOOD]
    tops = [float(np.percentile(row, TYPICAL)) for row in rows]
    if not tops:
        known = (row[np.isfinite(row)] for row in reach)
        tops = [float(np.percentile(row, TYPICAL)) for row in known if len(row)]
    return max(*tops, 1e-3) if tops else 1.0


def _shade(axes: Axes, shown: Overview, wrong: npt.NDArray[Any], rows: tuple[int, int]) -> None:
    changes = np.flatnonzero(np.diff(np.concatenate([[0], wrong.astype(int), [0]])))
    width = (shown.last - shown.first) / len(wrong)
    spans = [
        (shown.first + begin * width, (end - begin) * width)
        for begin, end in changes.reshape(-1, 2).tolist()
    ]
    if spans:
        axes.broken_barh(spans, rows, facecolor=WRONG, linewidth=0, zorder=0)


def _scale_bar(axes: Axes, half_uv: float, rows: int) -> None:
    """Draw a line of some uV at the right of the panel."""
    step = max((s for s in STEPS_UV if s <= half_uv), default=half_uv)
    long = step / half_uv * 0.46
    place: Any = axes.get_yaxis_transform()
    middle = min(0.5, rows / 2)
    ends = (middle - long / 2, middle + long / 2)
    pixel = 1 / axes.bbox.width
    axes.plot((1 + 6 * pixel,) * 2, ends, color=page.DARK, lw=2, transform=place, clip_on=False)
    text: dict[str, Any] = {"fontsize": POINTS, "va": "center", "color": page.DARK}
    axes.text(1 + 11 * pixel, middle, f"{step:g} µV", transform=place, **text)


def events(above: Axes, axes: Axes, signal: Signal, px_per_s: float) -> None:
    """Draw events: ticks above the signal, their texts where there is room, lines through it."""
    shown = signal.shown
    above.set(xlim=(shown.first, shown.last), ylim=(0, 1))
    above.axis("off")
    moments = np.array([mark.start for mark in signal.marks])
    above.vlines(moments, 0, 0.35, color=page.FAINT, linewidth=0.8)
    for mark in readable(signal.marks, shown, px_per_s):
        text: dict[str, Any] = {"fontsize": POINTS, "va": "center", "color": page.DARK}
        above.text(mark.start + 2 / px_per_s, 0.66, _text(mark), clip_on=True, **text)
        above.vlines([mark.start], 0, 1, color=page.FAINT, linewidth=0.8)
    if len(moments) * LINE_PX <= (shown.last - shown.first) * px_per_s:
        axes.vlines(moments, 0, len(shown.names), color=page.FAINT, lw=0.6, linestyle=":", zorder=1)


def readable(marks: list[Mark], shown: Overview, px_per_s: float) -> list[Mark]:
    """Return the events whose text ends before the next one that is written begins."""
    kept = []
    end = -math.inf
    for mark in sorted(marks, key=lambda mark: mark.start):
        begin = (mark.start - shown.first) * px_per_s
        last = begin + 4 + page.width_px(_text(mark), POINTS) * 1.05
        if _text(mark) and begin >= end and last <= (shown.last - shown.first) * px_per_s:
            kept.append(mark)
            end = last + 6
    return kept


def _text(mark: Mark) -> str:
    return page.fitting(mark.text, 120, POINTS)
