"""The picture of EEG: topographies of band power, the signal, and the prediction over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from emocli.errors import UsageError
from emocli.plots import (
    clock,
    eeg_panel,
    eeg_records,
    legend,
    page,
    palette,
    strips,
    timeline,
    topographies,
)
from emocli.plots.eeg_brain import Brain
from emocli.plots.eeg_power import UNIT
from emocli.plots.talk import Utterance
from emocli.plots.talk_page import UNANSWERED, Page
from emocli.plots.topographies import Maps
from emocli.signals import eeg_montage
from emocli.signals.eeg_faults import BAD_SHARE

# Positions in pixels, our choice.
LEFT, RIGHT, EDGE, GAP = 84.0, 64.0, 16.0, 8.0
TITLE, PROBABILITY, STRIP, AXIS, LINE = 40.0, 120.0, 26.0, 48.0, 17.0
TITLE_POINTS, POINTS, NOTE_POINTS = 12, 9, 8.0
TOLD = 12  # electrodes that are named in a note


@dataclass(frozen=True)
class Timed:
    """What has an axis of time: the sheet of answers (None without any), its edges and legend."""

    sheet: Page | None
    first: float
    last: float
    legend: list[legend.Row]


def across(width: int) -> int:
    """Return the pixels of the axis of time."""
    return int(width - LEFT - RIGHT)


def draw(brain: Brain, width: int, title: str | None = None) -> Figure:
    """Return the page of a recording; its first line has a title, or the name of it."""
    maps = _maps(brain, width)
    timed = _timed(brain, width)
    notes = [
        line
        for note in notes_of(brain, maps)
        for line in page.lines(note, width - 2 * EDGE, NOTE_POINTS)
    ]
    above = TITLE + (maps.height if maps else 0.0)
    below = above + _height(brain, timed)
    figure = page.figure(width, below + LINE * len(notes) + GAP)
    _title(figure, brain, width, title)
    if maps:
        topographies.draw(figure, maps, TITLE)
    if timed:
        _over_time(figure, brain, timed, above)
    for i, line in enumerate(notes):
        page.write(figure, EDGE, below + LINE * (i + 0.5), line, fontsize=NOTE_POINTS)
    return figure


def _title(figure: Figure, brain: Brain, width: int, title: str | None) -> None:
    names = brain.recordings
    first = names[0].rpartition("/")[2] if len(names) == 1 else f"{len(names)} recordings"
    said = []
    if brain.scheme is not None:
        count = brain.groups[None].windows
        said.append(f"{count} window{'' if count == 1 else 's'}")
        said.append(f"{len(brain.scheme.names)} electrodes")
    counted = ", ".join(said)
    room = width - 3 * EDGE - page.width_px(counted, POINTS)
    shown = page.fitting(title if title is not None else first, room / page.BOLD, TITLE_POINTS)
    page.write(figure, EDGE, 20, shown, fontsize=TITLE_POINTS, weight="bold")
    page.write(figure, width - EDGE, 20, counted, fontsize=POINTS, ha="right")


def _maps(brain: Brain, width: int) -> Maps | None:
    if brain.scheme is None:
        return None
    crosses = frozenset(name for name in brain.placed if brain.faults.share(name) > BAD_SHARE)
    rows = topographies.rows(brain.groups, brain.rows, brain.scheme.unit)
    maps = Maps(brain.scheme, rows, crosses, width, EDGE)
    if not maps.fits:
        message = f"--width {width}: no room for {len(brain.scheme.bands)} bands beside each other"
        raise UsageError(message, hint="a greater --width")
    return maps


def _timed(brain: Brain, width: int) -> Timed | None:
    """Return what is drawn over time, None if nothing is: several recordings, no times."""
    signal, talk = brain.signal, brain.talk
    if len(brain.recordings) != 1 or not (signal or talk.utterances):
        return None
    if signal:
        first, last = signal.shown.first, signal.shown.last
    else:
        first, last = talk.part((None, None))
    inside = [u for u in talk.utterances if u.start < last and u.end > first]
    if not inside:
        return Timed(None, first, last, [])
    sheet = Page(talk, (first, last), width)
    sheet.left, sheet.across = LEFT, float(across(width))
    entries = list(sheet.colours.items())
    if any(u.emotion is None for u in inside):
        entries.append((UNANSWERED, palette.NO_ANSWER))
    return Timed(sheet, first, last, legend.rows(entries, EDGE, width - 2 * EDGE))


def _height(brain: Brain, timed: Timed | None) -> float:
    """Return the pixels of what is drawn over time."""
    if timed is None:
        return 0.0
    total = AXIS
    if brain.signal:
        total += eeg_panel.height(brain.signal) + GAP
        total += eeg_panel.EVENTS if brain.signal.marks else 0.0
    if timed.sheet:
        total += legend.LINE * len(timed.legend) + GAP + STRIP * len(timed.sheet.speakers)
        total += PROBABILITY + GAP if _predicted(timed.sheet) else 0.0
    return total


def _over_time(figure: Figure, brain: Brain, timed: Timed, top: float) -> None:
    """Draw signal, probabilities and strips, one above the other."""
    wide = figure.get_size_inches()[0] * page.DPI - LEFT - RIGHT
    at = top
    if signal := brain.signal:
        place = at + (eeg_panel.EVENTS if signal.marks else 0.0)
        axes = page.axes(figure, LEFT, place, wide, eeg_panel.height(signal))
        eeg_panel.draw(axes, signal)
        axes.tick_params(labelbottom=timed.sheet is None, bottom=timed.sheet is None)
        if signal.marks:
            above = page.axes(figure, LEFT, at, wide, eeg_panel.EVENTS)
            eeg_panel.events(above, axes, signal, wide / (timed.last - timed.first))
        if timed.sheet is None:
            clock.label(axes, timed.first, timed.last, wide)
        at = place + eeg_panel.height(signal) + GAP
    if timed.sheet:
        _answers(figure, timed.sheet, timed.legend, at)


def _answers(figure: Figure, sheet: Page, rows: list[legend.Row], top: float) -> None:
    """Draw the legend, probabilities over time, and the strips of answers and labels."""
    at = top
    for i, row in enumerate(rows):
        legend.draw(figure, row, at + legend.LINE * (i + 0.5))
    at += legend.LINE * len(rows) + GAP
    if said := _predicted(sheet):
        axes = page.axes(figure, sheet.left, at, sheet.across, PROBABILITY)
        timeline.probabilities(axes, sheet, said)
        at += PROBABILITY + GAP
    height = STRIP * len(sheet.speakers)
    strips.draw(page.axes(figure, sheet.left, at, sheet.across, height), sheet)


def _predicted(sheet: Page) -> list[Utterance]:
    return [u for u in sheet.said if u.speaker == eeg_records.PREDICTED and u.shares]


def notes_of(brain: Brain, maps: Maps | None) -> Iterator[str]:
    """Yield what the picture does not show by itself."""
    if maps:
        yield _of_maps(brain, maps)
        places = eeg_montage.positions()
        if lacking := [name for name in maps.scheme.names if name not in places]:
            yield f"not on the maps, without a position: {_listed(lacking)}"
        values = maps.rows[0].values
        lost = [
            name
            for name, value in zip(maps.scheme.names, values[:, 0], strict=True)
            if name in places
            and name not in topographies.known(maps.scheme, values[:, 0])
            and value != value
        ]
        if lost:
            yield f"not on the maps, without a window that can be used: {_listed(lost)}"
    if bad := [name for name, _ in sorted(brain.faults.seconds.items(), key=lambda s: -s[1])]:
        marked = " (crosses on the maps)" if maps and maps.crosses else ""
        yield f"bad{marked}: {_why(brain, bad)}"
    if brain.signal:
        yield from _of_signal(brain)


def _of_maps(brain: Brain, maps: Maps) -> str:
    source = "measured here" if brain.measured else "features of the records"
    if maps.scheme.unit != UNIT:
        return f"maps: z-scores, mean over windows ({source}, normalized)"
    text = f"maps: band power in dB above 1 µV², mean over windows ({source})"
    differs = maps.rows[-1].differs
    return text + ("; other rows: dB above all" if differs else "")


def _why(brain: Brain, names: list[str]) -> str:
    faults = brain.faults
    parts = []
    for name in names[:TOLD]:
        share = faults.share(name)
        often = "" if share > 0.995 else f"; {max(share, 0.01):.0%} of the time"
        parts.append(f"{name} ({faults.why[name]}{often})")
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(parts) + more


def _of_signal(brain: Brain) -> Iterator[str]:
    assert brain.signal is not None
    signal, counts = brain.signal, brain.faults.windows
    yield f"signal: {signal.about}"
    if signal.shown.unusable.all() and brain.measured:
        yield "no window can be used by encoders; the maps have each electrode where it is right"
    if signal.shown.wrong.any() or signal.shown.unusable.any() or counts:
        kinds = ", ".join(f"{kind.replace('_', ' ')} {n}" for kind, n in sorted(counts.items()))
        text = "shaded: windows that are wrong in a channel, or at full height not usable at all"
        yield text + (f" (windows of channels: {kinds})" if kinds else "")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more
