"""Records as subtitles: SubRip (.srt) and WebVTT (.vtt).

WebVTT is that of the W3C (https://www.w3.org/TR/webvtt1/); SubRip has no standard, and is written
as ffmpeg and players read it. Two lines of 42 characters and 7 s are what broadcasters allow a cue;
that cues also end at a pause, and at the end of a sentence, is our choice.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from emocli.records import Record
from emocli.records.labels import NUMBERS
from emocli.records.times import duration, seconds

LINES, LINE_CHARACTERS = 2, 42
LONGEST_S = 7.0
SHORTEST_S = 1.0  # a cue is shown, if the next one does not begin earlier; our choice
PAUSE_S = 1.0  # between two words of a cue at most; our choice
SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*$")  # also in Chinese
BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # of lines, and other controls
PIECE = re.compile(rf"\S{{1,{LINE_CHARACTERS}}}")
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Piece(NamedTuple):
    """A word of a text: its times in seconds, its place in characters."""

    start: float
    end: float
    first: int
    last: int


class Subtitles:
    """Numbered cues: what is said, and if `answers` before it [joy 64 %], the prediction."""

    apart, one_recording = False, True

    def __init__(self, name: str, *, answers: bool = False) -> None:
        self.name, self.answers = name, answers
        self.count = self.left_out = 0  # records that did not fail
        self.recording: Any = None  # the path of the first record

    def header(self) -> bytes:
        """Return the signature of WebVTT; SubRip has none."""
        return b"WEBVTT\n\n" if self.name == "vtt" else b""

    def row(self, record: Record) -> bytes:
        """Return the cues of a record; none if it failed, nobody speaks, or no time is known."""
        if self.recording is None:
            self.recording = record.get("path")
        if record.get("error") or record.get("path") not in (None, self.recording):
            return b""
        answer = _answer(record.get("prediction")) if self.answers else ""
        cues = [self._cue(*cue, record.get("speaker")) for cue in _cues(record, answer)]
        self.left_out += not cues
        return "".join(cues).encode("utf-8", "replace")

    def footer(self) -> bytes:
        """Return nothing."""
        return b""

    def _cue(self, start: float, end: float, text: str, speaker: Any) -> str:
        self.count += 1
        who = _plain(speaker) if speaker not in (None, "") else ""
        if self.name == "vtt":
            voice = f"<v {who.translate(ESCAPES)}>" if who else ""
            body = voice + "\n".join(line.translate(ESCAPES) for line in _wrapped(text))
        else:
            lines = _wrapped(f"{who}: {text}" if who else text)
            body = "\n".join(line.replace("-->", "->") for line in lines)
        times = f"{self._time(start)} --> {self._time(end)}"
        return f"{self.count}\n{times}\n{body}\n\n"

    def _time(self, moment: float) -> str:
        minutes, rest = divmod(round(moment * 1000), 60_000)
        point = "." if self.name == "vtt" else ","
        whole, thousandths = divmod(rest, 1000)
        return f"{minutes // 60:02}:{minutes % 60:02}:{whole:02}{point}{thousandths:03}"


def _cues(record: Record, answer: str) -> Iterator[tuple[float, float, str]]:
    """Yield start and end in seconds, and text, of the cues of a record."""
    text = record.get("text")
    text = _plain(text) if isinstance(text, str) else ""
    pieces = _spoken(record, text)
    span = _span(record, pieces)
    if span is None or not (text.strip() or answer):
        return
    before = f"[{answer}] " if answer else ""
    groups = list(_groups(pieces or _spread(text, *span), text, before))
    if len(groups) <= 1 and (not pieces or span[1] - span[0] <= LONGEST_S):
        yield (*span, f"{before}{text}".strip())
        return
    follows = [*(group[0].start for group in groups[1:]), math.inf]
    for group, following in zip(groups, follows, strict=True):
        start = group[0].start
        end = max(group[-1].end, min(start + SHORTEST_S, following), start + 0.001)
        yield start, end, before + text[group[0].first : group[-1].last]


def _groups(pieces: Sequence[Piece], text: str, before: str) -> Iterator[list[Piece]]:
    """Yield the words of each cue."""
    group: list[Piece] = []
    for piece in pieces:
        if group and not _fits(group, piece, text, before):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _fits(group: Sequence[Piece], piece: Piece, text: str, before: str) -> bool:
    """Return whether a word still belongs to the cue of the words before it."""
    first, last = group[0], group[-1]
    said = text[first.first : last.last]
    return (
        piece.end - first.start <= LONGEST_S
        and piece.start - last.end <= PAUSE_S
        and not (len(said) > LINE_CHARACTERS and SENTENCE.search(said))
        and len(_wrapped(before + text[first.first : piece.last])) <= LINES
    )


def _spoken(record: Record, text: str) -> list[Piece]:
    """Return the words of a text with their times; none if they are not those of the text."""
    pieces: list[Piece] = []
    place = 0
    words = record.get("words")
    for word in words if isinstance(words, list) else ():
        said = _plain(word.get("text")).strip() if isinstance(word, dict) else ""
        first = text.find(said, place)
        times = [seconds(word.get(key)) for key in ("start", "end")] if said else []
        if first < 0 or None in times or not times:
            return []
        place = first + len(said)
        pieces.append(Piece(times[0] or 0.0, times[1] or 0.0, first, place))
    return pieces


def _spread(text: str, start: float, end: float) -> list[Piece]:
    """Return the words of a text with times in proportion to their places."""
    rate = (end - start) / max(1, len(text))
    return [
        Piece(start + m.start() * rate, start + m.end() * rate, *m.span())
        for m in PIECE.finditer(text)
    ]


def _span(record: Record, pieces: Sequence[Piece]) -> tuple[float, float] | None:
    """Return start and end of a record: its own, else of the clip, else of its words."""
    whole = duration(record)
    start, end = seconds(record.get("start")), seconds(record.get("end"))
    if end is None and whole is not None:
        end = (start or 0.0) + whole
    if end is None and pieces:
        start, end = pieces[0].start if start is None else start, pieces[-1].end
    if end is None:
        return None
    start = max(0.0, start or 0.0)
    return start, max(end, start + 0.001)


def _plain(value: Any) -> str:
    """Return a text of the same length on one line."""
    return BREAKS.sub(" ", str(value))


def _wrapped(text: str) -> list[str]:
    single = re.sub(" +", " ", text)
    return textwrap.wrap(single, LINE_CHARACTERS, break_on_hyphens=False) or [""]


def _answer(prediction: Any) -> str:
    """Return a prediction in words: joy 64 %, 70 % joy and 30 % sadness, valence 3.20."""
    if not isinstance(prediction, dict):
        return ""
    if isinstance(prediction.get("blend"), dict):
        return ", ".join(f"{label} {share:.0f} %" for label, share in prediction["blend"].items())
    if "confidence" in prediction:
        emotion, sure = prediction.get("emotion"), prediction["confidence"]
        return f"{_plain(emotion)} {100 * sure:.0f} %" if emotion else "no answer"
    return ", ".join(f"{name} {prediction[name]:.2f}" for name in NUMBERS if name in prediction)
