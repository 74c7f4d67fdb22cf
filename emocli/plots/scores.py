"""The pictures of a metrics record of `score`: confusion matrix and reliability diagram."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from emocli import records
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import opening
from emocli.plots import figures, page
from emocli.records import Record

SHARES = "Blues"  # one hue, from white to dark: safe for colour-blind readers
TITLE, SIDE = 70.0, 110.0  # pixels, our choice
UPRIGHT, SLANTED = 66.0, 140.0  # pixels below, for labels that fit beneath their cells or not
LARGEST_CELL = 110.0
SMALLEST, LARGEST = 8.0, 14.0  # points; if the text would be smaller, cells show counts only
FILLED = 0.85  # of a cell's width
NAMES = {"uar": "UAR", "macro_f1": "macro F1", "ece": "ECE", "brier": "Brier score"}
NO_TRUTH = "#f0f0f0"  # a label that was predicted but never true
BAR, GAP = "#4477aa", "#ee6677"  # P. Tol's bright scheme, safe for colour-blind readers


def find(name: str, stdin: BinaryIO, group: str | None) -> Record:
    """Return the first metrics record of a file, or that of a group of `score --by`."""
    groups: list[str] = []
    for _, row in opening.read(name, stdin):
        by = row.get("by")
        values = [str(value) for value in by.values()] if isinstance(by, dict) else []
        if group is None or group in values:
            return row
        groups += values
    if not groups:
        raise EmptyInputError("no metrics record", hint="emocli score writes one")
    raise UsageError(f"--group: unknown group {group}", hint=", ".join(groups[:20]))


def confusion(row: Record, width: int, title: str | None = None) -> Figure:
    """Return the page with the confusion matrix: rows are the truth, colours shares of a row."""
    labels, counts = _checked(records.require(row, "confusion", "score"))
    names = [page.fitting(label, 160, 10) for label in labels]
    left = max(page.width_px(f"{name} (0000)", 10) for name in names) + 40
    cell = min(LARGEST_CELL, (width - left - SIDE) / len(labels))
    size = cell * len(labels)
    slanted = max(page.width_px(name, 10) for name in names) > cell - 6
    sheet = page.figure(width, TITLE + size + (SLANTED if slanted else UPRIGHT))
    left = max(left, (width - size - SIDE + left) / 2)
    axes = page.axes(sheet, left, TITLE, size, size)
    _cells(axes, counts, cell)
    supports = counts.sum(1).astype(int)
    _labels(axes, names, [f"{n} ({s})" for n, s in zip(names, supports, strict=True)], slanted)
    bar = page.axes(sheet, left + size + 20, TITLE, 16, size)
    Colorbar(bar, axes.images[0], label="share of the true label (%)")
    _title(sheet, row, ("accuracy", "uar", "macro_f1"), title)
    return sheet


def _checked(confusion: Any) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return labels and counts (truth, prediction); RecordError if they do not fit."""
    try:
        labels = [str(label) for label in confusion["labels"]]
        counts = np.array(confusion["matrix"], np.float64)
    except (TypeError, KeyError, ValueError, OverflowError):
        labels, counts = [], np.empty(0)
    known = np.isfinite(counts).all() and (counts >= 0).all() and (counts < figures.LARGEST).all()
    if not labels or counts.shape != (len(labels), len(labels)) or not known:
        message = f"confusion is not labels and a square matrix of counts: {confusion!r:.80}"
        raise RecordError("bad_confusion", message)
    if len(labels) > figures.MOST_LABELS:
        message = f"{len(labels)} labels, more than the {figures.MOST_LABELS} that fit on a page"
        raise RecordError("bad_confusion", message)
    return labels, counts


def _cells(axes: Axes, counts: npt.NDArray[np.float64], cell: float) -> None:
    """Colour each cell by its share of the row, and write its count and share."""
    support = counts.sum(1, keepdims=True)
    shares = np.divide(counts, support, out=np.full(counts.shape, np.nan), where=support > 0)
    colours = colormaps[SHARES].with_extremes(bad=NO_TRUTH)
    axes.imshow(100 * shares, cmap=colours, vmin=0, vmax=100, aspect="auto")
    capacity = cell / page.DIGIT_EM / page.POINT_PX * FILLED  # digits per cell, times points
    shown = capacity / max(len(f"{counts.max():.0f}"), len("100 %")) >= SMALLEST
    points = capacity / (len("100 %") if shown else max(len(f"{counts.max():.0f}"), 2))
    for (i, j), share in np.ndenumerate(shares):
        text = f"{counts[i, j]:.0f}" + (f"\n{100 * share:.0f} %" if shown and counts[i, j] else "")
        style: dict[str, Any] = {"color": page.ink(colours(share)), "ha": "center", "va": "center"}
        axes.text(j, i, text, fontsize=min(points, LARGEST), **style)


def _labels(axes: Axes, names: list[str], counted: list[str], slanted: bool) -> None:
    axes.set_xticks(range(len(names)), names, rotation=45 if slanted else 0)
    if slanted:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), counted)
    axes.tick_params(length=0, labelsize=10)
    axes.set_xlabel("predicted", fontsize=11, labelpad=8)
    axes.set_ylabel("true", fontsize=11)


def reliability(row: Record, width: int, title: str | None = None) -> Figure:
    """Return the page with the reliability diagram, and the number of records in each bin."""
    bins = figures.bins(row)
    left, across, high, low = 80.0, width - 80.0 - 30.0, width * 0.62, width * 0.2
    sheet = page.figure(width, TITLE + high + low + 90)
    axes = page.axes(sheet, left, TITLE, across, high)
    _diagram(axes, bins)
    counts = page.axes(sheet, left, TITLE + high + 28, across, low)
    _histogram(counts, bins, across)
    _title(sheet, row, ("ece", "accuracy", "brier"), title)
    return sheet


def _diagram(axes: Axes, bins: list[Record]) -> None:
    """Draw the accuracy of each bin, and its gap to the confidence."""
    lows = [b["low"] for b in bins]
    widths = [b["high"] - b["low"] for b in bins]
    accuracy = np.array([b["accuracy"] for b in bins])
    confidence = np.array([b["confidence"] for b in bins])
    style: dict[str, Any] = {"align": "edge", "linewidth": 0.8}
    axes.bar(lows, accuracy, widths, color=BAR, edgecolor="white", label="accuracy", **style)
    gap: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": GAP,
        "hatch": "///",
        "label": "gap to the confidence",
    }
    axes.bar(lows, confidence - accuracy, widths, bottom=accuracy, **gap, **style)
    line: dict[str, Any] = {"color": page.DARK, "linewidth": 1.2, "linestyle": "--"}
    axes.plot((0, 1), (0, 1), label="perfectly calibrated", **line)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    axes.legend(loc="upper left", framealpha=0.9, edgecolor="none")
    axes.tick_params(labelbottom=False)


def _histogram(axes: Axes, bins: list[Record], across: float) -> None:
    lows, widths = [b["low"] for b in bins], [b["high"] - b["low"] for b in bins]
    counts = [b["records"] for b in bins]
    axes.bar(lows, counts, widths, align="edge", color=page.FAINT, edgecolor="white")
    widest = max(page.width_px(str(count), 1) for count in counts)
    style: dict[str, Any] = {"fontsize": min(SMALLEST, FILLED * across * min(widths) / widest)}
    for low, width, count in zip(lows, widths, counts, strict=True):
        axes.text(low + width / 2, count, str(count), ha="center", va="bottom", **style)
    axes.set(xlim=(0, 1), ylim=(0, 1.2 * max(counts)), xlabel="confidence", ylabel="records")


def _title(sheet: Figure, row: Record, names: tuple[str, ...], title: str | None) -> None:
    """Write a title or the group, stream and count of records; metrics with their intervals."""
    by = row.get("by")
    group = ", ".join(f"{k} {v}" for k, v in by.items()) if isinstance(by, dict) else ""
    stream = f"{row['stream']} alone" if row.get("stream") else ""
    counted = f"{row.get('scored', '?')} records"
    first = title or ", ".join(part for part in (group, stream, counted) if part)
    room = sheet.get_size_inches()[0] * page.DPI - 32
    page.write(sheet, 16, 20, page.fitting(first, room / page.BOLD, 12), fontsize=12, weight="bold")
    line = " · ".join(figures.text(row, name, NAMES.get(name, name)) for name in names)
    page.write(sheet, 16, 45, page.fitting(line, room, 10), fontsize=10)
