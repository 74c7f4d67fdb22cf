"""What predict shows on a terminal: in any width, encoding and number of colours."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from emocli.cli import strip
from emocli.cli.drawing import Drawing
from emocli.cli.strip import Utterance
from emocli.errors import UNPRINTABLE
from emocli.io import fitting
from emocli.records.labels import EMOTIONS

Record = dict[str, Any]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONG = "I am so happy about this, \x1b[31mwonderful\u202e 喜びと悲しみ 😀😀 " * 9
HOUR_S = 3600.0


def sheet(width: int = 80, encoding: str = "utf-8", **how: Any) -> Console:
    """Return a console on a terminal in memory."""
    file = io.TextIOWrapper(io.BytesIO(), encoding, "backslashreplace", write_through=True)
    how = {"force_terminal": True, "color_system": "standard", **how}
    return Console(file=file, width=width, highlight=False, **how)


def seen(console: Console) -> list[str]:
    """Return the lines on a terminal, without colours."""
    raw = console.file.buffer.getvalue()  # type: ignore[attr-defined]
    return COLOUR.sub("", raw.decode(console.encoding)).split("\n")


def predicted(name: str, emotion: str | None = "joy", **fields: Any) -> Record:
    shares = dict.fromkeys(EMOTIONS, 0.06) | {emotion or "joy": 0.64}
    prediction = {"emotion": emotion, "probabilities": shares, "confidence": 0.64, "model": "m@1"}
    prediction["modalities"] = {"text": 1.0}
    return {"id": name, "text": "I am happy", "prediction": prediction, **fields}


def utterance(start: float, end: float, emotion: str | None = "joy", **fields: Any) -> Record:
    name = f"rec/interview.mkv#{start:.2f}-{end:.2f}"
    times = {"path": "rec/interview.mkv", "start": start, "end": end}
    return predicted(name, emotion, **times, **fields)


def drawn(console: Console, *records: Record, expected: int | None = None, **how: Any) -> list[str]:
    drawing = Drawing(EMOTIONS, console=lambda: console, **how)
    drawing.begin(lambda: expected)
    for record in records:
        assert drawing(record)
    drawing.end()
    return seen(console)


def test_few_records_are_blocks_and_many_are_lines() -> None:
    records = [predicted(f"clip-{n}.wav") for n in range(6)]
    assert sum("█" in line for line in drawn(sheet(), *records[:4], expected=4)) == 28
    for expected in (5, None):
        lines = drawn(sheet(), *records, expected=expected)
        assert lines[0] == "clip-0.wav  joy       64 %  “I am happy”"
        assert len(lines) == 7


def test_one_stream_has_nothing_to_compare_with() -> None:
    record = predicted("a")
    record["unimodal"] = {"text": record["prediction"]}
    record["prediction"]["disagreement"] = {"text": 0.0}
    record["missing"] = {"audio": {"stage": "", "code": "no_audio", "message": "no audio"}}
    alone = "\n".join(drawn(sheet(), record, expected=1))
    for words in ("alone", "fused", "decided", "disagreement", "without"):
        assert words not in alone
    assert "model m@1" in alone
    record["unimodal"]["audio"] = record["prediction"]
    record["path"] = "a.wav"
    record["prediction"]["modalities"] = {"text": 0.5, "audio": 0.5}
    both = "\n".join(drawn(sheet(), record, expected=1))
    for words in ("text alone", "audio alone", "fused", "decided by text 50%", "without audio"):
        assert words in both


def test_no_answer_says_what_it_would_have_been() -> None:
    record = predicted("a", None)
    record["prediction"]["probabilities"]["joy"] = 0.64
    assert drawn(sheet(), record, expected=1)[0] == "a   no answer (joy 64 %)"
    assert drawn(sheet(), record)[0] == "a  no answer (joy 64 %)  “I am happy”"


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize(("encoding", "quote"), [("utf-8", "“"), ("ascii", '"')])
@pytest.mark.parametrize("expected", [1, 9])
def test_no_line_is_wider_than_the_terminal(
    width: int, encoding: str, quote: str, expected: int
) -> None:
    alone = {"unimodal": dict.fromkeys(("text", "audio"), predicted("a")["prediction"])}
    words = [{"text": "happy", "start": 0, "end": 1, "probability": 0.9}]
    record = predicted("clips/" + "long-name-" * 9 + "x.wav", text=LONG, words=words, **alone)
    speakers = ["Anna", "Bob \x1b[31m", "とても長い名前のひと"]
    spoken = [
        utterance(n, n + 1, EMOTIONS[n % 7], speaker=speakers[n % 3], text=LONG) for n in range(90)
    ]
    lines = drawn(sheet(width, encoding), record, *spoken, expected=expected)
    assert not UNPRINTABLE.search("".join(lines))
    transcript = [line for line in lines if line.startswith(quote)]
    assert all(fitting.width(line) <= 2 * width for line in transcript)
    others = [line for line in lines if line not in transcript and "long-name" not in line]
    free = ("model", "decided", "rec/interview.mkv")  # these may go on on the next line
    for line in others:
        assert fitting.width(line) <= width or line.startswith(free), line
    if width >= 40:
        assert any("x.wav" in line for line in lines)  # the end of a name tells more


def test_utterances_are_lines_with_times_and_end_in_a_strip() -> None:
    spoken = [utterance(n * 60.0, n * 60.0 + 30, EMOTIONS[n % 2]) for n in range(10)]
    other = {**utterance(0.0, 5.0), "id": "b.wav#0.00-5.00", "path": "b.wav"}
    lines = drawn(sheet(61), *spoken, other, predicted("c.wav"))
    assert lines[0] == "rec/interview.mkv"
    assert lines[2] == "  1:00  joy       64 %  “I am happy”"
    assert lines[10].startswith("  9:00")
    assert lines[12].count("█") + lines[12].count(" ") == len(lines[12])
    assert lines[13].split() == ["└0:00", "└2:00", "└4:00", "└6:00", "└8:00"]
    assert lines[14].split("  ")[1:] == ["█ neutral 50 %", "█ joy 50 %"]
    assert lines[16:18] == ["b.wav", "  0:00  joy       64 %  “I am happy”"]
    assert lines[18].startswith("c.wav")  # one utterance is no strip


def test_cells_stand_at_their_times() -> None:
    spoken = [Utterance(0, 100, "joy"), Utterance(100, 104, "fear"), Utterance(300, 400, None)]
    (line, axis, legend) = (t.plain for t in strip.drawn(spoken, EMOTIONS, sheet(43)))
    assert line == "  " + "█" * 11 + " " * 19 + "░" * 10
    assert axis == "  └0:00     └1:40     └3:20     └5:00"[:7] + axis[7:]
    assert legend.split("  ")[1:4] == ["█ joy 49 %", "█ fear 2 %", "░ no answer 49 %"]


def test_every_speaker_has_a_strip_but_a_crowd() -> None:
    spoken = [Utterance(n, n + 1 + n / 100, "joy", f"S{n % 20}") for n in range(100)]
    lines = [text.plain for text in strip.drawn(spoken, EMOTIONS, sheet())]
    names = [line.split("  ")[0] for line in lines[: strip.SPEAKERS]]
    assert names == [*(f"S{n}" for n in range(13, 20)), "13 others"]


@pytest.mark.parametrize("length_s", [3.0, 59.0, 600.0, HOUR_S, 3 * HOUR_S, 100 * HOUR_S])
@pytest.mark.parametrize("width", [24, 40, 80])
def test_the_axis_has_marks_that_do_not_touch(length_s: float, width: int) -> None:
    spoken = [Utterance(0, length_s / 2, "joy"), Utterance(length_s / 2, length_s, "fear")]
    axis = [text.plain for text in strip.drawn(spoken, EMOTIONS, sheet(width))][1]
    assert len(axis) < width
    assert " └" in axis
    assert not re.search(r"\d└", axis)


def test_without_colours_emotions_are_letters() -> None:
    spoken = [Utterance(n, n + 1, emotion) for n, emotion in enumerate([*EMOTIONS, None])]
    for how in ({"no_color": True}, {"color_system": None}, {"encoding": "ascii"}):
        (line, axis, legend, *more) = (t.plain for t in strip.drawn(spoken, EMOTIONS, sheet(**how)))
        assert re.sub(r"(.)\1+", r"\1", line.strip()) == "njsafdu-"
        assert "u surprise" in legend + "".join(more)
        assert axis.isascii() == ("encoding" in how)


def test_a_terminal_of_another_encoding_gets_nothing_it_cannot_show() -> None:
    record = predicted("clé.wav", text=LONG, path="clé.wav")
    spoken = [utterance(n, n + 1.0) for n in range(3)]
    for encoding in ("ascii", "iso-8859-1"):
        lines = drawn(sheet(60, encoding), record, *spoken, expected=1)
        assert "\\u2588" not in "\n".join(lines)
        assert any("####" in line for line in lines)


def test_a_failure_that_stderr_tells_is_not_told_again() -> None:
    broken = {"id": "a", "error": {"message": "no such file"}}
    assert drawn(sheet(), broken, told=True) == [""]
    assert drawn(sheet(), broken)[0] == "a  no such file"
