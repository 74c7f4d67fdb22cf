"""Topographies: what electrodes measure in a band, as a map of the head, drawn by mne."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from emocli.plots import page
from emocli.plots.eeg_power import NORMALIZED, UNIT, Scheme
from emocli.signals import eeg_montage
from emocli.signals.eeg_overview import Array, Levels

# Pixels, our choice.
HEADER, BAR, TICKS, GAP = 40.0, 8.0, 24.0, 8.0
LEAST_CELL, MOST_CELL, NAMES = 62.0, 190.0, 104.0
POINTS, SMALL = 10, 8
LINES = 4  # contours
LEVELS, DIFFERENCES = "viridis", "RdBu_r"  # colour maps that colour-blind readers can read
# The least range of a scale: noise does not look like a pattern. Our choice.
LEAST_RANGE = {UNIT: 1.0}
LEAST_OF_OTHERS = 0.2
ENOUGH = 4  # electrodes that mne can interpolate between


@dataclass(frozen=True)
class Row:
    """A row of maps, one a band: (channels, bands), NaN where nothing is known."""

    name: str
    count: int  # windows
    values: Array
    differs: bool  # values are differences from the mean of all


@dataclass(frozen=True)
class Maps:
    """Rows of maps and how they are drawn."""

    scheme: Scheme
    rows: list[Row]
    crosses: frozenset[str]  # electrodes that were bad
    width: int
    edge: float

    @property
    def names(self) -> float:
        """The pixels of the names of rows."""
        return NAMES if len(self.rows) > 1 else 0.0

    @property
    def cell(self) -> float:
        """The pixels of a map, square."""
        room = (self.width - 2 * self.edge - self.names) / len(self.scheme.bands)
        return min(room, MOST_CELL)

    @property
    def fits(self) -> bool:
        """Whether maps are large enough to be seen."""
        return self.cell >= LEAST_CELL

    @property
    def height(self) -> float:
        """The pixels of all rows."""
        bars = len({row.differs for row in self.rows})
        return HEADER + len(self.rows) * self.cell + bars * (BAR + TICKS) + GAP

    def scale(self, band: int, *, differs: bool) -> tuple[float, float]:
        """Return the ends of the colours of a band, for the rows that share them."""
        values = np.concatenate([r.values[:, band] for r in self.rows if r.differs == differs])
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        least = LEAST_RANGE.get(self.scheme.unit, LEAST_OF_OTHERS)
        if differs or self.scheme.unit != UNIT:
            top = max(abs(low), abs(high), least / 2)
            return -top, top
        missing = max(0.0, least - (high - low)) / 2
        return low - missing, high + missing


def rows(groups: dict[str | None, Levels], names: list[str], unit: str) -> list[Row]:
    """Return the row of all windows, and one of each group: how it differs from all.

    Normalized features differ from the mean of all by themselves.
    """
    everything = groups[None]
    mean = everything.mean
    if unit == NORMALIZED and names:
        return [Row(n, groups[n].windows, groups[n].mean, differs=False) for n in names]
    found = [Row("all", everything.windows, mean, differs=False)]
    for name in names:
        group = groups[name]
        found.append(Row(name, group.windows, group.mean - mean, differs=True))
    return found


def draw(figure: Figure, maps: Maps, top: float) -> None:
    """Draw the maps of all rows, with the bands above and the scales of colours below."""
    left = (maps.width - maps.cell * len(maps.scheme.bands) + maps.names) / 2
    for column, (band, edges) in enumerate(maps.scheme.bands.items()):
        middle = left + (column + 0.5) * maps.cell
        name = page.fitting(band, maps.cell / page.BOLD - 4, POINTS)
        page.write(figure, middle, top + 10, name, fontsize=POINTS, weight="bold", ha="center")
        hertz = f"{edges[0]:g}–{edges[1]:g} Hz"
        page.write(figure, middle, top + 28, hertz, fontsize=9, ha="center")
    at = top + HEADER
    for i, row in enumerate(maps.rows):
        places = [left + band * maps.cell for band in range(len(maps.scheme.bands))]
        images = [_map(figure, maps, row, band, (x, at)) for band, x in enumerate(places)]
        if maps.names:
            _name(figure, row, left - maps.names, at + maps.cell / 2)
        at += maps.cell
        if i == len(maps.rows) - 1 or row.differs != maps.rows[i + 1].differs:
            for x, image in zip(places, images, strict=True):
                _bar(figure, maps, image, (x, at))
            at += BAR + TICKS


def _name(figure: Figure, row: Row, left: float, middle: float) -> None:
    name = page.fitting(row.name, NAMES / page.BOLD - 8, POINTS)
    page.write(figure, left, middle - 9, name, fontsize=POINTS, weight="bold")
    count = f"{row.count} window{'' if row.count == 1 else 's'}"
    page.write(figure, left, middle + 9, count, fontsize=9)


def _map(figure: Figure, maps: Maps, row: Row, band: int, where: tuple[float, float]) -> Any:
    """Draw a map and return its image, None where too few electrodes are known."""
    import mne

    axes = page.axes(figure, where[0] + 3, where[1], maps.cell - 6, maps.cell)
    values = row.values[:, band]
    chosen = known(maps.scheme, values)
    if len(chosen) < ENOUGH:
        axes.axis("off")
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL}
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, color=page.FAINT, **style)
        return None
    data = np.array([values[maps.scheme.names.index(name)] for name in chosen])
    limits = maps.scale(band, differs=row.differs)
    is_signed = row.differs or maps.scheme.unit != UNIT
    image, contours = mne.viz.plot_topomap(
        data,
        _info(chosen),
        axes=axes,
        show=False,
        cmap=DIFFERENCES if is_signed else LEVELS,
        vlim=limits,
        contours=_contours(data, limits),
        sensors="k.",
        mask=np.array([name in maps.crosses for name in chosen]),
        mask_params=_crosses(),
    )
    if contours is not None and not is_signed:
        contours.set_linestyle("solid")  # dB below 0 are nothing special
    for line in axes.lines:
        if line.get_marker() == ".":
            line.set_markersize(3.5 if maps.cell > 110 else 2.0)
    return image


def known(scheme: Scheme, values: Array) -> tuple[str, ...]:
    """Return the electrodes that have a position and a value (channels,)."""
    there = eeg_montage.positions()
    return tuple(
        name
        for name, value in zip(scheme.names, values, strict=True)
        if name in there and np.isfinite(value)
    )


def _contours(data: Array, limits: tuple[float, float]) -> Any:
    """Return the levels of contours that lie between the values; 0 if there are none."""
    levels = np.linspace(*limits, LINES + 2)[1:-1]
    inside = levels[(levels > data.min()) & (levels < data.max())]
    return inside if len(inside) else 0


def _crosses() -> dict[str, Any]:
    return {
        "marker": "x",
        "linestyle": "None",
        "markersize": 5,
        "markeredgewidth": 1.4,
        "markeredgecolor": "#b2182b",
        "markerfacecolor": "#b2182b",
    }


@functools.lru_cache(maxsize=32)
def _info(names: tuple[str, ...]) -> Any:
    """Return what mne wants to know of electrodes: where they are on the head."""
    import mne

    there = mne.channels.get_builtin_montages()
    standard = next(name for name in eeg_montage.STANDARDS if name in there)
    info = mne.create_info(list(names), 100.0, "eeg", verbose="ERROR")
    info.set_montage(mne.channels.make_standard_montage(standard), verbose="ERROR")
    return info


def ticks(low: float, high: float) -> list[float]:
    """Return two or three round numbers between the ends of a scale; 0 and both signs around 0.

    >>> ticks(-0.71, 0.71), ticks(-0.4, 9.1)
    ([-0.5, 0.0, 0.5], [0.0, 5.0])
    """
    steps = [step * 10.0**power for power in range(3, -4, -1) for step in (5, 2, 1)]
    if low == -high:
        finer = (step * 10.0**power for power in range(3, -4, -1) for step in (8, 5, 3, 2, 1))
        step = next((step for step in finer if step <= high), high)
        return [-step, 0.0, step]
    for step in steps:
        places = np.arange(np.ceil(low / step), np.floor(high / step) + 1)
        if len(places) >= 2:
            return [
                round(float(place * step), 4) + 0.0 for place in places[:: len(places) // 4 + 1]
            ]
    return [low, high]


def _bar(figure: Figure, maps: Maps, image: Any, where: tuple[float, float]) -> None:
    """Draw the scale of a band's colours."""
    if image is None:
        return
    wide = maps.cell * 0.62
    unit = maps.scheme.unit
    left = where[0] + (maps.cell - wide) / 2
    axes = page.axes(figure, left, where[1] + 2, wide, BAR)
    bar = figure.colorbar(image, cax=axes, orientation="horizontal")
    bar.set_ticks(ticks(*image.get_clim()))
    bar.ax.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(labelsize=SMALL, length=2, pad=1)
    page.write(figure, left + wide + 4, where[1] + 2 + BAR / 2, unit, fontsize=SMALL)
