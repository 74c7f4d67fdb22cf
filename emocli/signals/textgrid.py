"""Read and write Praat's TextGrid files: spans of time with labels, in tiers.

P. Boersma & D. Weenink, Praat manual, "TextGrid file formats",
https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html. As Praat itself does, the
reader reads free-standing numbers, quoted texts and flags, and skips everything else, so that it
reads the long and the short format alike.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emocli.errors import RecordError
from emocli.signals import phones

# Comments, quoted texts (a quote in one is doubled), flags, and what may be a number.
TOKENS = re.compile(r'!.*|"(?:[^"]|"")*"|<[^>\s]*>|[^\s"]+')
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
BINARY = "ooBinaryFile"  # how Praat's other format begins
MOST_TIERS = 1000


class Interval(NamedTuple):
    """A span with its label, in seconds."""

    start: float
    end: float
    label: str


class Tier(NamedTuple):
    """Spans that follow each other; point tiers are left out."""

    name: str
    intervals: list[Interval]


def parse(text: str) -> list[Tier]:
    """Return the interval tiers of a TextGrid; RecordError bad_textgrid if it is not one."""
    if text.startswith(BINARY):
        hint = "in Praat: Save as text file"
        raise RecordError("bad_textgrid", "a binary TextGrid", hint=hint)
    values = _values(text)
    try:
        return list(_tiers(values))
    except (StopIteration, RuntimeError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it ends too early, or has a gap"
        hint = "expected a Praat TextGrid, long or short text format"
        raise RecordError("bad_textgrid", f"not a TextGrid: {reason}", hint=hint) from None


def _values(text: str) -> Iterator[str | float]:
    """Yield texts (with their opening quote), flags and numbers."""
    for match in TOKENS.finditer(text):
        token = match[0]
        if token.startswith('"'):
            yield '"' + token[1:-1].replace('""', '"')
        elif token.startswith("<"):
            yield token
        elif NUMBER.fullmatch(token):
            yield float(token)


def _tiers(values: Iterator[str | float]) -> Iterator[Tier]:
    kind, object_class = _text(values), _text(values)
    if not kind.startswith("ooTextFile") or object_class != "TextGrid":
        raise ValueError(f"it begins with {kind!r:.40} and {object_class!r:.40}")
    _number(values), _number(values)
    if next(values) != "<exists>":
        return
    for _ in range(_count(values, MOST_TIERS)):
        kind, name = _text(values), _text(values)
        _number(values), _number(values)
        count = _count(values)
        if kind == "IntervalTier":
            yield Tier(name, [_interval(values) for _ in range(count)])
        elif kind == "TextTier":
            for _ in range(count):
                _number(values), _text(values)
        else:
            raise ValueError(f"unknown tier class {kind!r:.40}")


def _interval(values: Iterator[str | float]) -> Interval:
    start, end, label = _number(values), _number(values), _text(values)
    if not (math.isfinite(start) and start <= end < math.inf):
        raise ValueError(f"an interval from {start:g} to {end:g} s")
    return Interval(start, end, label.strip())


def _text(values: Iterator[str | float]) -> str:
    value = next(values)
    if not isinstance(value, str) or not value.startswith('"'):
        raise ValueError(f"{value!r:.40} instead of a text")
    return value[1:]


def _number(values: Iterator[str | float]) -> float:
    value = next(values)
    if not isinstance(value, float):
        raise ValueError(f"{value!r:.40} instead of a number")
    return value


def _count(values: Iterator[str | float], limit: float = math.inf) -> int:
    value = _number(values)
    if value != int(value) or not 0 <= value <= limit:
        raise ValueError(f"{value:g} is not a count")
    return int(value)


def spoken(words: Sequence[Interval], sounds: Sequence[Interval]) -> Iterator[Interval]:
    """Yield the words that are no silence.

    "pause", "noise" and "silence" are words where the middle of a sound lies in them; where none
    does, as with an empty tier of sounds, the label decides.
    """
    middles = sorted((sound.start + sound.end) / 2 for sound in sounds)
    for word in words:
        place = bisect.bisect_left(middles, word.start)
        has_sound = place < len(middles) and middles[place] < word.end
        if word.label and (has_sound or not phones.is_silence(word.label)):
            yield word


def dumps(tiers: Sequence[Tier], start: float, end: float) -> str:
    """Return a TextGrid from `start` to `end` s in the long format, gaps filled with ""."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [f"xmin = {_seconds(start)} ", f"xmax = {_seconds(end)} ", "tiers? <exists> "]
    lines += [f"size = {len(tiers)} ", "item []: "]
    for number, tier in enumerate(tiers, 1):
        intervals = filled(tier.intervals, start, end)
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ']
        lines += [f"        name = {_quoted(tier.name)} ", f"        xmin = {_seconds(start)} "]
        lines += [f"        xmax = {_seconds(end)} "]
        lines += [f"        intervals: size = {len(intervals)} "]
        for index, interval in enumerate(intervals, 1):
            lines += [f"        intervals [{index}]:"]
            lines += [f"            xmin = {_seconds(interval.start)} "]
            lines += [f"            xmax = {_seconds(interval.end)} "]
            lines += [f"            text = {_quoted(interval.label)} "]
    return "\n".join(lines) + "\n"


def filled(intervals: Sequence[Interval], start: float, end: float) -> list[Interval]:
    """Return intervals that cover `start` to `end`; overlaps are cut, empty ones dropped.

    >>> filled([Interval(1.0, 2.0, "a")], 0.0, 3.0)[0]
    Interval(start=0.0, end=1.0, label='')
    """
    result: list[Interval] = []
    now = start
    for interval in sorted(intervals):
        first, last = max(interval.start, now), min(interval.end, end)
        if last <= first:
            continue
        if first > now:
            result.append(Interval(now, first, ""))
        result.append(Interval(first, last, interval.label))
        now = last
    if now < end or not result:
        result.append(Interval(now, end, ""))
    return result


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    plain = text.replace('"', '""').replace("\n", " ")
    return f'"{plain}"'
