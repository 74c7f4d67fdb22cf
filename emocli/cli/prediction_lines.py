"""Draw predictions on one line each: of many records, or of the utterances of a recording."""

from __future__ import annotations

from typing import Any

from emocli.cli import prediction
from emocli.io import fitting
from emocli.io.fitting import clock
from emocli.records import Record
from emocli.records.jsonl import name_of

GAP = 2  # columns between columns
ANSWER = 8  # columns of the longest of the seven emotions
SPEAKER = 12  # columns of a speaker at most
LEAST_WORDS = 10  # columns; a narrower terminal shows no words


class Lines:
    """Draws lines; columns grow with what they have held so far, up to a third of the terminal."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self.widths: dict[str, int] = {}

    def record(self, record: Record) -> None:
        """Draw a line of a record: its name, the emotion and how sure it is, the words."""
        name = self._column("name", name_of(record), self.console.width // 3, keep_end=True)
        self._line([(name, "")], record)

    def utterance(self, record: Record) -> None:
        """Draw a line of an utterance: when, who, the emotion and how sure it is, the words."""
        when = clock(float(record["start"]))
        cells = [(f"{when:>{max(6, len(when))}}", "dim")]
        speaker, most = record.get("speaker"), min(SPEAKER, self.console.width // 4)
        if isinstance(speaker, str) and speaker:
            cells.append((self._column("speaker", speaker, most), "bold"))
        elif "speaker" in self.widths:
            cells.append((self._column("speaker", "", most), ""))
        self._line(cells, record)

    def _line(self, cells: list[tuple[str, str]], record: Record) -> None:
        from rich.text import Text

        line = Text(no_wrap=True)
        for text, style in cells:
            line.append(text + " " * GAP, style)
        found = record.get("prediction")
        room = self.console.width - 1
        if record.get("error") or not found:
            line.append(fitting.shown(prediction.reason(record), self.console.encoding), "dim")
        else:
            line.append(*self._answer(found))
            rest = room - fitting.width(line.plain)
            if rest >= LEAST_WORDS:
                line.append(*self._words(record, rest))
        self.console.print(_cut(line, room), soft_wrap=True)

    def _answer(self, found: Record) -> tuple[str, str]:
        """Return the emotion and how sure it is, with its colour."""
        text = prediction.answer(found)
        if "confidence" not in found:
            return self._column("answer", text, self.console.width // 2) + " " * GAP, ""
        if not found["emotion"]:
            return f"{text:<{self.widths.get('answer', 0)}}" + " " * GAP, "dim"
        text = fitting.padded(text, max(ANSWER, fitting.width(text)))
        text += f" {100 * found['confidence']:3.0f} %"
        text = self._column("answer", text, max(ANSWER + 6, self.console.width // 2))
        return text + " " * GAP, prediction.colour(found["emotion"])

    def _words(self, record: Record, room: int) -> tuple[str, str]:
        text = record.get("text")
        if isinstance(text, str) and text.strip():
            return prediction.quoted(text, room, self.console), ""
        return "", ""

    def _column(self, name: str, text: str, most: int, *, keep_end: bool = False) -> str:
        """Return a text as wide as its column, which grows with what it has to hold."""
        text = fitting.shown(text, self.console.encoding)
        width = min(most, max(self.widths.get(name, 0), fitting.width(text)))
        self.widths[name] = width
        if keep_end and fitting.width(text) > width:
            before = prediction.ellipsis(self.console)
            text = before + fitting.cut(text[::-1], width - len(before), "")[::-1]
        return fitting.padded(text, width, prediction.ellipsis(self.console))


def _cut(line: Any, room: int) -> Any:
    if fitting.width(line.plain) > room:
        line.truncate(room)
    line.rstrip()
    return line
