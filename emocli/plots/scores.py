"""The pictures of a metrics record that `score` wrote: confusions, and calibration."""

from __future__ import annotations

import contextlib
import math
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from emocli import records
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.plots import page
from emocli.records import Record

SHARES = "Blues"  # one hue, from white to dark: the same to all kinds of colour vision
TITLE, SIDE = 70.0, 110.0  # pixels, our choice
UPRIGHT, ASLANT = 66.0, 140.0  # pixels below, for labels that have room beneath their cells or not
LARGEST_CELL = 110.0
SMALLEST, LARGEST = 8.0, 14.0  # points; where letters would be smaller, cells have counts only
FILLED = 0.85  # of a cell's width
NAMES = {"uar": "UAR", "macro_f1": "macro F1", "ece": "ECE", "brier": "Brier score"}
NO_TRUTH = "#f0f0f0"  # a label that was predicted, but never true
BAR, GAP = "#4477aa", "#ee6677"  # P. Tol's bright scheme, told apart by the colour-blind


def find(name: str, stdin: BinaryIO, group: str | None) -> Record:
    """Return the first metrics record of a file, or the one of a group of `score --by`."""
    groups: list[str] = []
    with opened(name, stdin) as stream:
        for _, row in records.read(stream, "<stdin>" if name == "-" else name):
            by = row.get("by")
            values = [str(value) for value in by.values()] if isinstance(by, dict) else []
            if group is None or group in values:
                return row
            groups += values
    if not groups:
        raise EmptyInputError("no metrics record", hint="emocli score writes one")
    raise UsageError(f"--group {group}: no such group", hint=", ".join(groups[:20]))


def opened(name: str, stdin: BinaryIO) -> contextlib.AbstractContextManager[BinaryIO]:
    """Return a file to read, or stdin for "-"; raise UsageError where it cannot be opened."""
    try:
        return contextlib.nullcontext(stdin) if name == "-" else open(name, "rb")
    except OSError as error:
        raise UsageError(f"cannot open {name}: {error.strerror}") from None


def confusion(row: Record, width: int) -> Figure:
    """Return the page with the confusions: rows are the truth, colours are shares of a row."""
    found = records.require(row, "confusion", "score")
    labels, counts = _checked(found)
    names = [page.fitting(label, 160, 10) for label in labels]
    left = max(page.width_px(f"{name} (0000)", 10) for name in names) + 40
    cell = min(LARGEST_CELL, (width - left - SIDE) / len(labels))
    size = cell * len(labels)
    aslant = max(page.width_px(name, 10) for name in names) > cell - 6
    sheet = page.figure(width, TITLE + size + (ASLANT if aslant else UPRIGHT))
    left = max(left, (width - size - SIDE + left) / 2)
    axes = page.axes(sheet, left, TITLE, size, size)
    _cells(axes, counts, cell)
    supports = counts.sum(1).astype(int)
    _labels(axes, names, [f"{n} ({s})" for n, s in zip(names, supports, strict=True)], aslant)
    bar = page.axes(sheet, left + size + 20, TITLE, 16, size)
    Colorbar(bar, axes.images[0], label="share of the true label (%)")
    _title(sheet, row, ("accuracy", "uar", "macro_f1"))
    return sheet


def _checked(found: Any) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return labels and counts (truth, prediction); RecordError where they do not fit."""
    try:
        labels = [str(label) for label in found["labels"]]
        counts = np.array(found["matrix"], np.float64)
    except (TypeError, KeyError, ValueError):
        labels, counts = [], np.empty(0)
    if not labels or counts.shape != (len(labels), len(labels)):
        raise RecordError("bad_confusion", f"not labels and a square matrix: {found!r:.80}")
    return labels, counts


def _cells(axes: Axes, counts: npt.NDArray[np.float64], cell: float) -> None:
    """Colour each cell by its share of the row, and write count and share into it."""
    support = counts.sum(1, keepdims=True)
    shares = np.divide(counts, support, out=np.full(counts.shape, np.nan), where=support > 0)
    colours = colormaps[SHARES].with_extremes(bad=NO_TRUTH)
    axes.imshow(100 * shares, cmap=colours, vmin=0, vmax=100, aspect="auto")
    letters = cell / page.DIGIT_EM / page.POINT_PX * FILLED  # times points: what a cell is wide
    shown = letters / max(len(f"{counts.max():.0f}"), len("100 %")) >= SMALLEST
    points = letters / (len("100 %") if shown else max(len(f"{counts.max():.0f}"), 2))
    for (i, j), share in np.ndenumerate(shares):
        text = f"{counts[i, j]:.0f}" + (f"\n{100 * share:.0f} %" if shown and counts[i, j] else "")
        how: dict[str, Any] = {"color": page.ink(colours(share)), "ha": "center", "va": "center"}
        axes.text(j, i, text, fontsize=min(points, LARGEST), **how)


def _labels(axes: Axes, names: list[str], counted: list[str], aslant: bool) -> None:
    axes.set_xticks(range(len(names)), names, rotation=45 if aslant else 0)
    if aslant:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), counted)
    axes.tick_params(length=0, labelsize=10)
    axes.set_xlabel("predicted", fontsize=11, labelpad=8)
    axes.set_ylabel("true", fontsize=11)


def reliability(row: Record, width: int) -> Figure:
    """Return the page with confidence against accuracy, and how many records each bin has."""
    bins = [b for b in _bins(row) if b["records"]]
    left, across, high, low = 80.0, width - 80.0 - 30.0, width * 0.62, width * 0.2
    sheet = page.figure(width, TITLE + high + low + 90)
    axes = page.axes(sheet, left, TITLE, across, high)
    _diagram(axes, bins)
    counts = page.axes(sheet, left, TITLE + high + 28, across, low)
    _histogram(counts, bins, across)
    _title(sheet, row, ("ece", "accuracy", "brier"))
    return sheet


def _bins(row: Record) -> list[Record]:
    """Return the bins; RecordError where there are none to draw."""
    found = records.require(row, "reliability", "score")
    if not found:
        raise RecordError(
            "no_probabilities", "no prediction had probabilities", hint="emocli predict gives them"
        )
    for one in found:
        numbers = [one.get(k) for k in ("low", "high", "records")] if type(one) is dict else [None]
        if not all(isinstance(n, int | float) for n in numbers):
            raise RecordError("bad_reliability", f"not a bin: {one!r:.80}")
    return list(found)


def _diagram(axes: Axes, bins: list[Record]) -> None:
    """Draw the accuracy of each bin, and what it misses its confidence by."""
    lows = [b["low"] for b in bins]
    widths = [b["high"] - b["low"] for b in bins]
    accuracy = np.array([b["accuracy"] for b in bins])
    confidence = np.array([b["confidence"] for b in bins])
    how: dict[str, Any] = {"align": "edge", "linewidth": 0.8}
    axes.bar(lows, accuracy, widths, color=BAR, edgecolor="white", label="accuracy", **how)
    gap: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": GAP,
        "hatch": "///",
        "label": "what it misses the confidence by",
    }
    axes.bar(lows, confidence - accuracy, widths, bottom=accuracy, **gap, **how)
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
    how: dict[str, Any] = {"fontsize": min(SMALLEST, FILLED * across * min(widths) / widest)}
    for low, width, count in zip(lows, widths, counts, strict=True):
        axes.text(low + width / 2, count, str(count), ha="center", va="bottom", **how)
    axes.set(xlim=(0, 1), ylim=(0, 1.2 * max(counts)), xlabel="confidence", ylabel="records")


def _title(sheet: Figure, row: Record, names: tuple[str, ...]) -> None:
    """Write of what these are the figures, and the figures with their intervals."""
    group = ", ".join(f"{k} {v}" for k, v in (row.get("by") or {}).items())
    stream = f"what {row['stream']} says alone" if row.get("stream") else ""
    counted = f"{row.get('scored', '?')} records"
    first = ", ".join(part for part in (group, stream, counted) if part)
    room = sheet.get_size_inches()[0] * page.DPI - 32
    page.write(sheet, 16, 20, page.fitting(first, room / page.BOLD, 12), fontsize=12, weight="bold")
    figures = " · ".join(_figure(row, name) for name in names)
    page.write(sheet, 16, 45, page.fitting(figures, room, 10), fontsize=10)


def _figure(row: Record, name: str) -> str:
    value, interval = row.get(name), (row.get("intervals") or {}).get(name) or [None]
    shown = NAMES.get(name, name)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return f"{shown} undefined"
    if None in interval:
        return f"{shown} {value:.3f}"
    return f"{shown} {value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
