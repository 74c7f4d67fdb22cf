"""An axis of time in hours, minutes and seconds."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from emocli.plots import page

MINUTE, HOUR = 60, 3600
STEPS_S = (
    0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 6, 12, 24, 24 * 7)),
)  # fmt: skip
POINTS = 9


def text(seconds: float, step_s: float = 1.0) -> str:
    """Return a time as on a clock, with a decimal if the steps are shorter than a second.

    >>> text(75), text(3675), text(2.5, 0.5), text(0), text(-5)
    ('1:15', '1:01:15', '0:02.5', '0:00', '-0:05')
    """
    tenths = round(abs(seconds) * 10) if step_s < 1 else round(abs(seconds)) * 10
    whole, tenth = divmod(tenths, 10)
    minutes, rest = divmod(whole, MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    clock = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    sign = "-" if seconds < 0 and tenths else ""
    return f"{sign}{clock}" + (f".{tenth}" if step_s < 1 else "")


def step(first: float, last: float, across_px: float) -> float:
    """Return the shortest step of STEPS_S whose ticks have room for their times."""
    for seconds in STEPS_S:
        widest = max(page.width_px(text(edge, seconds), POINTS) for edge in (first, last))
        if (last - first) / seconds * (widest + 12) <= across_px:
            return seconds
    return STEPS_S[-1]


def label(axes: Axes, first: float, last: float, across_px: float) -> None:
    """Put times on the axis of a panel."""
    seconds = step(first, last, across_px)
    axes.xaxis.set_major_locator(MultipleLocator(seconds))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: text(at, seconds)))
    axes.set_xlabel("time (h:min:s)" if last >= HOUR else "time (min:s)", fontsize=POINTS)
