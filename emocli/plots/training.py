"""The picture of a training run: losses and dev metrics by epoch, from `train --log`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any, BinaryIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from emocli.errors import EmptyInputError, RecordError
from emocli.io import opening
from emocli.plots import figures, page
from emocli.records import Record

MOST_EPOCHS = 10_000_000  # beyond any training; ticks are computed for every one
MOST_STREAMS = 12  # columns of panels: beyond, none can be read
HEIGHT = 260.0  # pixels of a panel, our choice
LEFT, RIGHT, TOP, GAP, BOTTOM = 70.0, 30.0, 50.0, 56.0, 52.0
BETWEEN = 60.0  # pixels between the panels of streams
ENTRY, LINE = 190.0, 20.0  # pixels of an entry of the legend, and of its lines
TRAIN, DEV = "#4477aa", "#ee6677"  # P. Tol's bright scheme, safe for colour-blind readers
OTHERS = ("#228833", "#aa3377", "#66ccee", "#ccbb44")
LOSSES = {"train_loss": TRAIN, "dev_loss": DEV}
NAMES = {
    "train_loss": "loss, training",
    "dev_loss": "loss, held out",
    "dev_uar": "UAR, held out",
    "dev_jsd_bits": "JSD (bits), held out",
    "dev_ccc": "CCC, held out",
}
THIN, THICK = 0.7, 2.2  # points
PALE = 0.45  # of the line of one run among several

Run = list[Record]  # the epochs of one training


def find(name: str, stdin: BinaryIO) -> list[Run]:
    """Return the runs of a log, each a list of epochs: one, or one for each seed and fold."""
    runs: dict[str, Run] = {}
    for _, line in opening.read(name, stdin):
        if "epoch" in line and "dev_loss" in line:
            run = str([line.get(key) for key in ("seed", "fold", "stream")])
            runs.setdefault(run, []).append(_epoch(line))
    if not runs:
        raise EmptyInputError("no epoch of a training run", hint="emocli train --log FILE")
    return list(runs.values())


def _epoch(line: Record) -> Record:
    """Return the epoch and the figures of a line; null is undefined. RecordError for no number."""
    known: Record = {"epoch": int(figures.number(line["epoch"], "epoch", 0, MOST_EPOCHS))}
    for name in (name for name in NAMES if name in line):
        value = line[name]
        bounds = (-figures.LARGEST, figures.LARGEST)
        known[name] = None if value is None else figures.number(value, name, *bounds)
    known["about"] = {key: line.get(key) for key in ("seed", "fold", "stream")}
    return known


def draw(runs: Sequence[Run], width: int, title: str | None = None) -> Figure:
    """Return the page: losses above, dev metrics below; a column for each stream."""
    streams = list(dict.fromkeys(str(run[0]["about"]["stream"]) for run in runs))
    if len(streams) > MOST_STREAMS:
        raise RecordError("bad_stream", f"{len(streams)} streams, more than {MOST_STREAMS}")
    metrics = [name for name in NAMES if name not in LOSSES and any(name in r[0] for r in runs)]
    panels = [LOSSES, dict(zip(metrics, OTHERS, strict=False))][: 2 if metrics else 1]
    entries = _entries([n for curves in panels for n in curves], len(runs) > len(streams))
    columns = max(1, min(len(entries), int((width - LEFT) // ENTRY)))
    legend_px = LINE * -(-len(entries) // columns) + 8
    canvas = page.figure(width, TOP + len(panels) * (HEIGHT + GAP) - GAP + BOTTOM + legend_px)
    across = (width - LEFT - RIGHT - BETWEEN * (len(streams) - 1)) / len(streams)
    for column, stream in enumerate(streams):
        some = [run for run in runs if str(run[0]["about"]["stream"]) == stream]
        for place, curves in enumerate(panels):
            top, left = TOP + place * (HEIGHT + GAP), LEFT + column * (across + BETWEEN)
            axes = page.axes(canvas, left, top, across, HEIGHT)
            _curves(axes, some, curves)
            if column == 0:
                axes.set_ylabel("loss" if curves is LOSSES else " / ".join(map(_short, curves)))
                axes.yaxis.set_label_coords(-50 / across, 0.5)
            if place == 0 and len(streams) > 1:
                axes.set_title(page.fitting(stream, across, 10), fontsize=10)
    style: dict[str, Any] = {"loc": "lower left", "frameon": False, "fontsize": 9}
    canvas.legend(handles=entries, ncols=columns, bbox_to_anchor=(LEFT / width, 0.0), **style)
    room = width - LEFT - RIGHT
    line = title if title is not None else _title(runs)
    page.write(canvas, LEFT, TOP / 2 - 6, page.fitting(line, room, 11), size=11)
    return canvas


def _curves(axes: Axes, runs: Sequence[Run], curves: dict[str, str]) -> None:
    """Draw a line per run and metric with a ring at the kept epoch; of several runs their mean."""
    several = len(runs) > 1
    for name, colour in curves.items():
        for run in runs:
            points = _points(run, name)
            style: dict[str, Any] = {"marker": "o" if len(points) == 1 and not several else ""}
            style |= {"linewidth": THIN, "alpha": PALE} if several else {"linewidth": 1.5}
            axes.plot(*_columns(points), color=colour, label=NAMES[name], **style)
            ring = [point for point in points if point[0] == _best(run)["epoch"]]
            if name not in ("train_loss",):
                size = 4 if several else 7
                axes.plot(
                    *_columns(ring), "o", color=colour, markersize=size, markerfacecolor="white"
                )
        if several and (mean := _mean(runs, name)):
            epochs, means, spreads = zip(*mean, strict=True)
            axes.plot(epochs, means, color=colour, linewidth=THICK, label="mean")
            low = [m - s for m, s in zip(means, spreads, strict=True)]
            high = [m + s for m, s in zip(means, spreads, strict=True)]
            axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("epoch")
    axes.grid(visible=True, color="#e0e0e0", linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _points(run: Run, name: str) -> list[tuple[int, float]]:
    """Return the epochs in which a figure of a run is defined, with its values."""
    return [(line["epoch"], line[name]) for line in run if line.get(name) is not None]


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [epoch for epoch, _ in points], [value for _, value in points]


def _mean(runs: Sequence[Run], name: str) -> list[tuple[int, float, float]]:
    """Return mean and standard deviation of a figure in every epoch that all runs have reached.

    Later the mean would be of the runs that went on, which are not like those that stopped.
    """
    known = [dict(_points(run, name)) for run in runs]
    shared = sorted(set.intersection(*(set(values) for values in known)))
    columns = [(epoch, [values[epoch] for values in known]) for epoch in shared]
    return [(epoch, fmean(values), stdev(values)) for epoch, values in columns]


def _short(name: str) -> str:
    return NAMES[name].partition(",")[0]


def _entries(names: list[str], several: bool) -> list[Line2D]:
    """Return the entries of the legend, which stands below the panels."""
    colours = {**LOSSES, **dict(zip([n for n in names if n not in LOSSES], OTHERS, strict=False))}
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "linestyle": ""}
    entries = [Line2D((), (), color=colours[n], linewidth=1.5, label=NAMES[n]) for n in names]
    entries.append(Line2D((), (), color=page.DARK, label="kept epoch", **ring))
    if several:
        style: dict[str, Any] = {"color": page.DARK, "linewidth": THICK}
        entries.append(Line2D((), (), label="mean ± 1 SD", **style))
    return entries


def _best(run: Run) -> Record:
    losses = [line["dev_loss"] for line in run]  # null if undefined
    return run[min(range(len(run)), key=lambda i: math.inf if losses[i] is None else losses[i])]


def _title(runs: Sequence[Run]) -> str:
    best = [_best(run) for run in runs]
    if len(runs) == 1:
        metrics = [f"{NAMES[n]} {best[0][n]:.3f}" for n in NAMES if best[0].get(n) is not None]
        return f"best of {len(runs[0])} epochs: {best[0]['epoch']} ({'; '.join(metrics)})"
    kinds = {key: len({run[0]["about"][key] for run in runs}) for key in ("seed", "fold", "stream")}
    counts = [f"{n} {key}s" for key, n in kinds.items() if n > 1] or [f"{len(runs)} runs"]
    epochs = sorted(line["epoch"] for line in best)
    return f"{', '.join(counts)}; kept epochs {epochs[0]} to {epochs[-1]}{_means(best)}"


def _means(best: Sequence[Record]) -> str:
    """Return the means of the dev metrics in the kept epochs."""
    known = {n: [b[n] for b in best if b.get(n) is not None] for n in NAMES if n not in LOSSES}
    return "".join(
        f"; {NAMES[name]} {fmean(values):.3f}"
        + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
        for name, values in known.items()
        if values
    )
