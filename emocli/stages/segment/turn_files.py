"""Read the files that say who speaks when: RTTM, SRT, WebVTT, TextGrid, CSV.

RTTM: NIST, Rich Transcription 2009 evaluation plan, appendix A. WebVTT:
https://www.w3.org/TR/webvtt1/. SRT has no specification: SubRip's own files.
"""

from __future__ import annotations

import html
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from emocli.errors import MalformedError, RecordError, UsageError
from emocli.io import ids, tables
from emocli.records import Record, texts
from emocli.signals import phones, textgrid

Say = Callable[[str], object]

TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
CUE = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?:\s.*)?")
ARROW = "-->"
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")  # of WebVTT and HTML, and of SubStation Alpha

SPEAKER = "SPEAKER"  # the only type of RTTM lines that are turns
RTTM_FIELDS = 8
UNKNOWN = "<NA>"

SOUNDING = ("sounding", "speech")  # labels that say that, and not what, somebody speaks
SPEAKER_TIERS = ("speaker", "speakers", "diarization", "spk")  # whose labels are not what is said
OTHER_TIERS = ("phones", "phone", "phonemes", "segments", "mau", "words", "word", "ort", "ort-mau")


class Turn(NamedTuple):
    """A time of a recording in seconds, and what the file says of it; `where` is its line."""

    recording: str | None  # None: the file names no recording
    start: float
    end: float
    where: str
    fields: Record


def read(file: Path, say: Say) -> list[Turn]:
    """Return the turns in a file; `say` is told what of it is left out.

    Raises UsageError for a file that cannot be opened or of an unknown kind, MalformedError for one
    that is not what its name says, or whose times make no sense.
    """
    place, tier = _tier(file)
    kind = place.suffix.lower()
    if kind not in READERS:
        raise UsageError(f"--segments {file}: not one of {', '.join(READERS)}")
    try:
        found = [*READERS[kind](place, tier, say)]
    except OSError as error:
        raise UsageError(f"--segments {file}: {error.strerror}") from None
    for turn in found:
        _check(turn)
    empty = [turn for turn in found if turn.start == turn.end]
    if empty:
        say(f"{file}: turns of no length, left out: {len(empty)}; first: {empty[0].where}")
    return [turn for turn in found if turn.start < turn.end]


def _tier(file: Path) -> tuple[Path, str]:
    """Return the file, and the tier that is named after it."""
    name, colon, tier = str(file).rpartition(":")
    if colon and name.lower().endswith(".textgrid") and not file.exists():
        return Path(name), tier
    return file, ""


def _check(turn: Turn) -> None:
    times = f"{turn.start:g} to {turn.end:g} s"
    if not (math.isfinite(turn.start) and math.isfinite(turn.end) and turn.start >= 0):
        raise MalformedError(f"{turn.where}: no time of a recording: {times}")
    if turn.end < turn.start:
        raise MalformedError(f"{turn.where}: it ends before it begins: {times}")


def _lines(file: Path, say: Say) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each line; the encoding may be a guess, which is told."""
    try:
        text, warning = texts.guessed(file.read_bytes())
    except ValueError as error:
        raise MalformedError(f"{file}: {texts.reason(error)}", hint=texts.HINT) from None
    if warning:
        say(f"{file}: {warning}")
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        yield f"{file}:{number}", line


def _rttm(file: Path, _tier: str, say: Say) -> Iterator[Turn]:
    for where, line in _lines(file, say):
        words = line.split()
        if not words or words[0].startswith(";") or words[0] != SPEAKER:
            continue
        if len(words) < RTTM_FIELDS:
            message = f"{where}: {len(words)} fields, not {RTTM_FIELDS} or more"
            raise MalformedError(message, hint="SPEAKER FILE 1 START DURATION <NA> <NA> NAME")
        start, duration = _number(words[3], where), _number(words[4], where)
        speaker = {} if words[7] == UNKNOWN else {"speaker": words[7]}
        yield Turn(words[1], round(start, 3), round(start + duration, 3), where, speaker)


def _number(text: str, where: str) -> float:
    try:
        return tables.number(text)
    except ValueError:
        raise MalformedError(f"{where}: not a number of seconds: {text!r:.40}") from None


def _cues(file: Path, _tier: str, say: Say) -> Iterator[Turn]:
    """Yield the cues of SRT or WebVTT; numbers, notes and styles are skipped."""
    place, times, said = "", (0.0, 0.0), list[str]()
    for where, line in [*_lines(file, say), ("", "")]:
        if ARROW in line or not line.strip():
            if place:
                yield Turn(None, *times, place, _said(said))
            place = ""
        if ARROW in line:
            place, times, said = where, _times(line, where), []
        elif place:
            said.append(line)


def _times(line: str, where: str) -> tuple[float, float]:
    found = CUE.fullmatch(line)
    if not found:
        hint = "00:01:02,500 --> 00:01:04,000"
        raise MalformedError(f"{where}: not the times of a cue: {line.strip()[:60]!r}", hint=hint)
    start, end = (
        3600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + int(rest.ljust(3, "0")) / 1000
        for hours, minutes, seconds, rest in (found.groups()[:4], found.groups()[4:])
    )
    return start, end


def _said(lines: list[str]) -> Record:
    """Return what a cue says, and who says it, if it does."""
    text = "\n".join(lines)
    voice = VOICE.search(text)
    plain = " ".join(html.unescape(MARKUP.sub("", text)).split())
    fields: Record = {"speaker": html.unescape(voice[1].strip())} if voice else {}
    return fields | ({"text": plain} if plain else {})


def _textgrid(file: Path, tier: str, say: Say) -> Iterator[Turn]:
    text = "\n".join(line for _, line in _lines(file, say))
    try:
        tiers = textgrid.parse(text)
    except RecordError as error:
        raise MalformedError(f"{file}: {error.message}", hint=error.hint) from None
    chosen = _chosen(tiers, tier, file)
    who = chosen.name.lower() in SPEAKER_TIERS
    for number, interval in enumerate(chosen.intervals, 1):
        label = " ".join(interval.label.split())
        if not label or phones.is_silence(label):
            continue
        fields = {} if label.lower() in SOUNDING else {"speaker" if who else "text": label}
        where = f"{file}: interval {number} of tier {chosen.name}"
        yield Turn(None, round(interval.start, 3), round(interval.end, 3), where, fields)


def _chosen(tiers: list[textgrid.Tier], name: str, file: Path) -> textgrid.Tier:
    """Return the tier of a name; else the only one, or the first that is not of words or sounds."""
    known = ", ".join(tier.name for tier in tiers) or "none"
    wanted = [tier for tier in tiers if tier.name == name]
    if name and not wanted:
        raise UsageError(f"--segments {file}: no tier {name!r}", hint=f"tiers: {known}")
    labelled = [t for t in tiers if any(i.label.strip() for i in t.intervals)]
    plain = [tier for tier in labelled if tier.name.lower() not in OTHER_TIERS]
    found = wanted or (labelled if len(labelled) == 1 else plain)
    if not found:
        hint = f"--segments {file}:TIER; tiers: {known}"
        raise UsageError(f"--segments {file}: no tier of turns", hint=hint)
    return found[0]


def _table(file: Path, _tier: str, _say: Say) -> Iterator[Turn]:
    with tables.opened(file) as stream:
        for where, record in tables.read(stream, str(file), ids.Numbered()):
            if lacking := [name for name in ("start", "end") if name not in record]:
                hint = f"it has {', '.join(record)}; path, start and end are needed"
                raise MalformedError(f"{where}: no {lacking[0]}", hint=hint)
            others = ("id", "path", "start", "end")
            fields = {name: value for name, value in record.items() if name not in others}
            path = record.get("path")
            name = os.path.realpath(path) if isinstance(path, str) else None
            yield Turn(name, float(record["start"]), float(record["end"]), where, fields)


READERS: dict[str, Callable[[Path, str, Say], Iterator[Turn]]] = {
    ".rttm": _rttm,
    ".srt": _cues,
    ".vtt": _cues,
    ".textgrid": _textgrid,
    ".csv": _table,
}
