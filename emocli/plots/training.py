"""The picture of a training run: losses and dev metrics by epoch, from `train --log`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import BinaryIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emocli.errors import EmptyInputError
from emocli.io import opening
from emocli.plots import figures, page
from emocli.records import Record

MOST_EPOCHS = 10_000_000  # beyond any training; ticks are computed for every one
HEIGHT = 260.0  # pixels of a panel, our choice
LEFT, RIGHT, TOP, GAP, BOTTOM = 70.0, 30.0, 50.0, 56.0, 60.0
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


def find(name: str, stdin: BinaryIO) -> list[list[Record]]:
    """Return the runs of a log, each a list of epochs: one, or one for each seed and fold."""
    runs: dict[str, list[Record]] = {}
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
    return known


def draw(runs: Sequence[Sequence[Record]], width: int) -> Figure:
    """Return the page: losses above, dev metrics below if there are some."""
    metrics = [name for name in NAMES if name not in LOSSES and name in runs[0][0]]
    panels = 2 if metrics else 1
    height = TOP + panels * HEIGHT + (panels - 1) * GAP + BOTTOM
    canvas = page.figure(width, height)
    colours = dict(zip(metrics, OTHERS, strict=False))
    for place, curves in enumerate([LOSSES, colours][:panels]):
        top = TOP + place * (HEIGHT + GAP)
        axes = page.axes(canvas, LEFT, top, width - LEFT - RIGHT, HEIGHT)
        _curves(axes, runs, curves)
    page.write(canvas, LEFT, TOP / 2, page.fitting(_title(runs), width - LEFT - RIGHT, 11), size=11)
    return canvas


def _curves(axes: Axes, runs: Sequence[Sequence[Record]], curves: dict[str, str]) -> None:
    """Draw a line per run and metric; for a single run a dotted line marks the best epoch."""
    for name, colour in curves.items():
        for number, run in enumerate(runs):
            known = [(line["epoch"], line[name]) for line in run if line.get(name) is not None]
            mark = "o" if len(known) == 1 else ""
            label = NAMES[name] if number == 0 else None
            axes.plot(
                [epoch for epoch, _ in known],
                [value for _, value in known],
                color=colour,
                linewidth=1.5,
                marker=mark,
                alpha=max(0.25, 1 / len(runs)),
                label=label,
            )
    if len(runs) == 1:
        axes.axvline(_best(runs[0])["epoch"], color=page.FAINT, linestyle=":", linewidth=1)
    axes.set_xlabel("epoch")
    axes.grid(visible=True, color="#e0e0e0", linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend = axes.legend(frameon=False, loc="best", fontsize=9)
    for line in legend.get_lines():
        line.set_alpha(1.0)


def _best(run: Sequence[Record]) -> Record:
    losses = [line["dev_loss"] for line in run]  # null if undefined
    return run[min(range(len(run)), key=lambda i: math.inf if losses[i] is None else losses[i])]


def _title(runs: Sequence[Sequence[Record]]) -> str:
    if len(runs) > 1:
        return f"{len(runs)} runs, {sum(map(len, runs))} epochs"
    best = _best(runs[0])
    metrics = [f"{NAMES[n]} {best[n]:.3f}" for n in NAMES if best.get(n) is not None]
    return f"best of {len(runs[0])} epochs: {best['epoch']} ({'; '.join(metrics)})"
