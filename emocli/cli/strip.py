"""A recording as a strip of coloured cells over its time, with an axis of minutes and a legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emocli.cli import prediction, terminal
from emocli.errors import printable
from emocli.io import fitting
from emocli.io.fitting import clock

CELLS = 120  # of a strip at most: a second of two minutes each
SPEAKERS = 8  # strips of a recording at most; the others share one
NAME = 12  # columns of a speaker at most
ROOMY = 40  # columns of a terminal on which the legend begins below the strip
# Seconds between the marks of the axis.
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
CELL, MARK, ASCII_MARK = "█", "└", "|"
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Utterance:
    """When somebody spoke, in seconds of the recording, and the emotion that was heard."""

    start: float
    end: float
    emotion: str | None
    speaker: str = ""


def drawn(utterances: Sequence[Utterance], labels: Sequence[str], console: Any) -> Iterator[Any]:
    """Yield the lines of a strip: one per speaker, the axis, the legend with shares of the time."""
    from rich.text import Text

    rows = _by_speaker(utterances, console.encoding)
    widest = max(fitting.width(name) for name in rows)
    indent = min(NAME, console.width // 4, widest) + 2
    cells = min(CELLS, console.width - indent - 1)
    end = max(utterance.end for utterance in utterances)
    signs = _signs(labels, utterances, console)
    for name, members in rows.items():
        padded = fitting.padded(name, indent - 2, prediction.ellipsis(console))
        line = Text(padded + "  ", style="bold", no_wrap=True)
        for emotion in _cells(members, end, cells):
            line.append(*signs[emotion] if emotion else (" ", ""))
        line.rstrip()
        yield line
    mark = MARK if _is_fine(console) else ASCII_MARK
    yield Text(" " * indent + _axis(end, cells, mark), style="dim")
    left = indent if console.width >= ROOMY else 0
    yield from _legend(utterances, signs, left, console.width)


def _is_fine(console: Any) -> bool:
    return terminal.is_utf8(console.encoding)


def _by_speaker(utterances: Sequence[Utterance], encoding: str) -> dict[str, list[Utterance]]:
    """Return the utterances of each speaker, in the order of their first words."""
    rows: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        rows.setdefault(fitting.shown(utterance.speaker, encoding), []).append(utterance)
    if len(rows) <= SPEAKERS:
        return rows
    most = sorted(rows, key=lambda name: -sum(u.end - u.start for u in rows[name]))
    kept = set(most[: SPEAKERS - 1])
    others = [u for name, members in rows.items() if name not in kept for u in members]
    few = {name: members for name, members in rows.items() if name in kept}
    return {**few, f"{len(rows) - len(kept)} others": others}


def _cells(utterances: Sequence[Utterance], end: float, cells: int) -> list[str]:
    """Return the emotion that fills most of each cell's time, "" where nobody speaks."""
    times: list[dict[str, float]] = [{} for _ in range(cells)]
    for utterance in utterances:
        name = utterance.emotion or NO_ANSWER
        first, last = (utterance.start / end * cells, utterance.end / end * cells)
        for cell in range(int(first), min(cells, int(last) + 1)):
            time = min(last, cell + 1) - max(first, cell)
            if time > 0:
                times[cell][name] = times[cell].get(name, 0.0) + time
    return [max(found, key=found.__getitem__) if found else "" for found in times]


def _signs(
    labels: Sequence[str], utterances: Sequence[Utterance], console: Any
) -> dict[str, tuple[str, str]]:
    """Return the character and the colour of each emotion; letters where there are no colours."""
    there = {utterance.emotion for utterance in utterances}
    names = [*labels, *sorted({name for name in there if name} - set(labels))]
    signs: dict[str, tuple[str, str]] = {}
    if _is_fine(console) and console.color_system and not console.no_color:
        signs = {name: (CELL, prediction.colour(name)) for name in names}
        return {**signs, NO_ANSWER: ("░", "dim")}
    taken = {"-"}
    for name in names:
        letters = [c for c in printable(name) if fitting.width(c) == 1 and not c.isspace()]
        sign = next((c for c in letters if c not in taken), "?")
        taken.add(sign)
        signs[name] = (sign, prediction.colour(name))
    return {**signs, NO_ANSWER: ("-", "dim")}


def _axis(end: float, cells: int, mark: str) -> str:
    """Return marks with their times, as close as there is room for."""
    room = len(clock(end)) + 3
    step = next((s for s in STEPS_S if s / end * cells >= room), end + 1)
    line, time = "", 0.0
    while time <= end:
        label = f"{mark}{clock(time)}"
        place = round(time / end * cells)
        if place + len(label) > cells:
            break
        line = f"{line:<{place}}{label}"
        time += step
    return line


def _legend(
    utterances: Sequence[Utterance], signs: dict[str, tuple[str, str]], indent: int, width: int
) -> Iterator[Any]:
    """Yield lines of the emotions that were heard, each with its share of the time."""
    from rich.text import Text

    whole = sum(u.end - u.start for u in utterances) or 1.0
    line = Text(" " * indent, no_wrap=True)
    for name, sign in signs.items():
        seconds = sum(u.end - u.start for u in utterances if (u.emotion or NO_ANSWER) == name)
        if not seconds:
            continue
        words = f" {printable(name)} {100 * seconds / whole:.0f} %"
        gap = "  " if line.plain.strip() else ""
        if gap and fitting.width(f"{line.plain}{gap}{sign[0]}{words}") > width:
            yield line
            line, gap = Text(" " * indent, no_wrap=True), ""
        line.append(gap).append(*sign).append(words)
    yield line
